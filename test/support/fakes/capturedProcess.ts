/** Catches what an effect writes to the process's own streams, and the exit code that it sets. */
import * as Effect from "effect/Effect"

/** What came out. */
export interface Captured {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: typeof process.exitCode
}

/** Runs an effect with both streams caught; everything is as before afterwards. */
export const capturedProcess = <E, R>(effect: Effect.Effect<unknown, E, R>): Effect.Effect<Captured, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const text = { stdout: "", stderr: "" }
      const original = { stdout: process.stdout.write, stderr: process.stderr.write, exitCode: process.exitCode }
      for (const name of ["stdout", "stderr"] as const) {
        process[name].write = (chunk: string | Uint8Array) => {
          text[name] += String(chunk)
          return true
        }
      }
      process.exitCode = undefined
      return { text, original }
    }),
    ({ text }) => Effect.map(effect, () => ({ ...text, exitCode: process.exitCode })),
    ({ original }) =>
      Effect.sync(() => {
        process.stdout.write = original.stdout
        process.stderr.write = original.stderr
        process.exitCode = original.exitCode
      })
  )
