/**
 * Machine code for the hot path, where the engine has it: one without a compiler of its own interprets the encoder, which
 * takes fifty times as long.
 */

/** Ordinary lines of text or objects that stand in a row, as records: byte for byte what `PostEncoder` makes of them. */
export interface NativeLines {
  /** The timestamp of the next event whose time is `micros`; both ways of encoding share one order. */
  readonly next: (micros: number) => number
  /** A new count of columns begins. */
  readonly forgetShapes: () => void
  /**
   * Encodes from a comma or the beginning of an array on, until something else than an ordinary line stands there or `maxBytes` are written, or an object
   * of a shape that is new in this count: that is taken the next time. `tail` is added to each, and before it `requestId`,
   * where objects name their invocation themselves.
   */
  readonly encode: (
    post: Uint8Array,
    at: number,
    tail: Uint8Array,
    namesInvocation: boolean,
    limits: readonly [oldestMicros: number, newestMicros: number, maxBytes: number],
    preservesOrder: boolean
  ) => readonly [
    records: ArrayBuffer,
    ends: Uint32Array,
    at: number,
    oldestTimestamp: number,
    newShape: readonly [a: number, b: number] | undefined
  ]
}

/** What the engine has put there before the program was loaded; Node.js has a compiler and nothing there. */
export const nativeLines: NativeLines | undefined = (globalThis as { readonly o2NativeLines?: NativeLines })
  .o2NativeLines
