/**
 * Machine code for the hot path, where the engine has it: one without a compiler of its own interprets the encoder, which
 * takes fifty times as long.
 */

/** Ordinary lines of text that stand in a row, as records: byte for byte what `PostEncoder` makes of them. */
export interface NativeLines {
  /** The timestamp of the next event whose time is `micros`; both ways of encoding share one order. */
  readonly next: (micros: number) => number
  /** Encodes from a comma on, until something else than an ordinary line stands there or `maxBytes` are written. */
  readonly encode: (
    post: Uint8Array,
    at: number,
    tail: Uint8Array,
    bounds: readonly [oldestMicros: number, newestMicros: number],
    preservesOrder: boolean,
    maxBytes: number
  ) => readonly [records: ArrayBuffer, ends: Uint32Array, at: number, oldestTimestamp: number]
}

/** What the engine has put there before the program was loaded; Node.js has a compiler and nothing there. */
export const nativeLines: NativeLines | undefined = (globalThis as { readonly o2NativeLines?: NativeLines })
  .o2NativeLines
