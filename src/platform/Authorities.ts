/**
 * Certificates of authorities that files name, beside Mozilla's, which every engine brings along. Loaded with the first
 * connection over TLS, and only where a file is named: it takes a moment to read a system's whole bundle.
 */
import * as Effect from "effect/Effect"
import { X509Certificate } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Tls from "node:tls"

/**
 * A file with certificates: PEM, any number of them, or one in DER.
 *
 * @since 0.2.0
 * @category models
 */
export interface AuthorityFile {
  /** The variable that names it. */
  readonly variable: string
  readonly path: string
}

/** What files have come to. */
export interface Authorities {
  /** Trusts Mozilla's authorities and these; `undefined` when no file has any. */
  readonly context: Tls.SecureContext | undefined
  /** A sentence for each file that is of no use. */
  readonly problems: ReadonlyArray<string>
}

/** A file that is larger is no bundle of certificates: Mozilla's 145 take 230 KB. In bytes. */
const MAX_FILE_BYTES = 8 * 1024 * 1024

const words: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this process may not read it"
}

/** Reads the files, each once, whatever names it. */
export const read = Effect.fnUntraced(function*(files: ReadonlyArray<AuthorityFile>): Effect.fn.Return<Authorities> {
  const ca: Array<Buffer | string> = []
  const problems: Array<string> = []
  const byPath = new Map(files.toReversed().map((file) => [file.path, file.variable]))
  for (const [path, variable] of [...byPath].toReversed()) {
    const found = yield* Effect.result(Effect.flatMap(contentOf(path), certificatesIn))
    if (found._tag === "Success") ca.push(found.success)
    else problems.push(`${variable} adds no authority: ${found.failure}`)
  }
  // one for all connections: reading the certificates anew for each would take longer than the handshake
  const context = ca.length === 0 ? undefined : Tls.createSecureContext({ ca: [...Tls.rootCertificates, ...ca] })
  return { context, problems }
})

const reason = (cause: unknown): string => {
  const code = String((cause as NodeJS.ErrnoException).code)
  return `${words[code] ?? "it cannot be read"} (${code})`
}

/** A pipe would be waited for, a device could have no end. */
const contentOf = (path: string): Effect.Effect<Buffer, string> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({ try: () => Fs.open(path, Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK), catch: reason }),
    (file) =>
      Effect.gen(function*() {
        const stat = yield* Effect.tryPromise({ try: () => file.stat(), catch: reason })
        if (!stat.isFile()) return yield* Effect.fail(stat.isDirectory() ? "it is a directory" : "it is no file")
        if (stat.size > MAX_FILE_BYTES) return yield* Effect.fail("it is too large for certificates")
        const bytes = Buffer.alloc(stat.size)
        const { bytesRead } = yield* Effect.tryPromise({ try: () => file.read(bytes, 0, stat.size, 0), catch: reason })
        return bytes.subarray(0, bytesRead)
      }),
    (file) => Effect.promise(() => file.close())
  )

/** As `createSecureContext` takes them. It would pass over what is no certificate without a word. */
const certificatesIn = (bytes: Buffer): Effect.Effect<Buffer | string, string> =>
  Effect.try({
    try: () => {
      const first = new X509Certificate(bytes)
      return bytes.includes("-----BEGIN") ? bytes : first.toString()
    },
    catch: () => "it holds no certificate"
  })
