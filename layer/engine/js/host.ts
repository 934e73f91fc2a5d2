/** What the engine offers (`../src/host/`). Every call returns at once; functions are called later, never from within. */

import type { NativeLines } from "../../../src/platform/NativeLines.ts"

/** A failure is its code. */
export type OrCode<A> = A | string

/** Kind (1 for a directory, 2 for a file), owner, size. */
export type Stat = readonly [kind: number, userId: number, size: number]

/** What the engine offers. */
export interface Host {
  readonly environment: Readonly<Record<string, string>>
  readonly args: ReadonlyArray<string>
  readonly processId: number
  readonly userId: number
  /** What `import()` becomes. */
  readonly load: (name: string) => Promise<object>
  readonly exit: (code: number) => never
  readonly monotonicMillis: () => number
  readonly cpuMicros: () => readonly [user: number, system: number]
  readonly onSignal: (name: string, told: () => void) => boolean
  readonly lookup: (name: string, done: (code: string | undefined, addresses?: ReadonlyArray<string>) => void) => void
  readonly write: (text: string, done: () => void) => void
  readonly writeError: (text: string) => void

  readonly startTimer: (millis: number, due: () => void) => number
  readonly stopTimer: (timer: number) => void
  readonly nextTurn: (due: () => void) => void

  readonly crc32: (bytes: Uint8Array) => number
  readonly isUtf8: (bytes: Uint8Array) => boolean
  readonly utf8Length: (text: string) => number
  readonly toUtf8: (text: string) => ArrayBuffer
  readonly fromUtf8: (bytes: Uint8Array) => string
  readonly fromLatin1: (bytes: Uint8Array) => string
  readonly compare: (a: Uint8Array, b: Uint8Array) => number
  readonly indexOf: (bytes: Uint8Array, piece: Uint8Array, from: number) => number
  /** A name of the web as the DNS has it (UTS 46); empty when it is none. */
  readonly asciiName: (name: string) => string
  readonly gzip: (bytes: Uint8Array, level: number, done: (compressed?: ArrayBuffer) => void) => void
  readonly inflate: (bytes: Uint8Array, format: "gzip" | "deflate" | "raw", maxBytes: number) => OrCode<ArrayBuffer>

  /** Where the value of a key begins; or as `scanValue`. */
  readonly scanKey: (bytes: Uint8Array, from: number) => readonly [valueStart: number, errorAt: number]
  /** The end and the depth of a value; or a negative result of `JsonScanner`, and where the error is; -3 for what it mends. */
  readonly scanValue: (bytes: Uint8Array, from: number) => readonly [end: number, depthOrErrorAt: number]
  readonly nextTimestamp: NativeLines["next"]
  readonly forgetShapes: NativeLines["forgetShapes"]
  readonly encodeLines: NativeLines["encode"]

  readonly lstat: (path: string) => OrCode<Stat>
  readonly mkdir: (path: string, mode: number) => OrCode<undefined>
  readonly readdir: (path: string) => OrCode<Array<string>>
  readonly rename: (from: string, to: string) => OrCode<undefined>
  readonly unlink: (path: string) => OrCode<undefined>
  readonly freeBytes: (path: string) => OrCode<number>
  /** Fails when there is a file already. */
  readonly writeFile: (path: string, bytes: Uint8Array, mode: number) => OrCode<undefined>
  /** For reading; waits for no pipe. */
  readonly open: (path: string, followsLinks: boolean) => OrCode<number>
  readonly fstat: (file: number) => OrCode<Stat>
  readonly read: (file: number, size: number) => OrCode<ArrayBuffer>
  readonly close: (file: number) => void

  /** Whether there is a certificate in a PEM text, or the bytes are one. */
  readonly hasCertificate: (bytes: Uint8Array) => boolean
  /** Adds authorities, before the first connection over TLS. */
  readonly trust: (bytes: Uint8Array) => void

  readonly listen: (told: ServerEvents) => OrCode<readonly [server: number, port: number]>
  readonly respond: (server: number, connection: number, status: number) => void
  readonly closeConnection: (server: number, connection: number) => void
  readonly closeServer: (server: number) => void

  /** `tunnel` is what a proxy at the address is asked first: CONNECT and its headers. */
  readonly connect: (
    address: string,
    port: number,
    tlsName: string | undefined,
    tunnel: string | undefined,
    told: ConnectionEvents
  ) => number
  readonly send: (
    connection: number,
    method: string,
    target: string,
    headers: ReadonlyArray<string>,
    body: Uint8Array,
    told: (...event: AnswerEvent) => void
  ) => boolean
  readonly disconnect: (connection: number) => void
}

/** What comes from clients. */
export type ServerEvents = (
  event: "connection" | "request" | "data" | "end" | "close",
  connection: number,
  bytesOrMethod?: ArrayBuffer | string,
  url?: string
) => void

/** What becomes of a connection; `error` has a code. */
export type ConnectionEvents = (event: "connect" | "tunnel" | "secure" | "error" | "close", code?: string) => void

/** What becomes of a request: `idle` means that another may follow on the connection. */
export type AnswerEvent =
  | readonly ["response", status: number, headers: ReadonlyArray<string>]
  | readonly ["data", bytes: ArrayBuffer]
  | readonly ["error", code: string]
  | readonly ["end" | "idle" | "upgrade"]

declare global {
  // oxlint-disable-next-line no-var
  var host: Host
}

/** An error with a code, as Node.js has them. */
export const codedError = (code: string): Error => Object.assign(new Error(code), { code })
