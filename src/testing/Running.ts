/** Something of the test kit that runs on behalf of a program without Effect, until it is closed. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"

/**
 * What ends: with `await using` at the end of the block, else by `close()`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Closeable extends AsyncDisposable {
  /** Ends every process, socket and temporary file of it; the second call waits for the first. */
  readonly close: () => Promise<void>
}

/** Runs an effect that needs nothing; rejects with the error that it fails with. */
export type Run = <A, E>(effect: Effect.Effect<A, E>) => Promise<A>

/** Rejects with errors that say in whose line: those of fibers show nothing but the inside of Effect. */
const fromCaller = <A>(start: () => Promise<A>, caller: (...args: never) => unknown): Promise<A> => {
  const here: { stack?: string } = {}
  Error.captureStackTrace(here, caller)
  return start().catch((error: unknown) => {
    if (error instanceof Error) {
      error.stack = `${error.name}: ${error.message}\n${here.stack?.slice(here.stack.indexOf("\n") + 1)}`
    }
    throw error
  })
}

const run: Run = (effect) => fromCaller(() => Effect.runPromise(effect), run)

/** Builds a layer, and hands out its service in another form together with the end of its scope. */
export const running = <I, S, E, A extends object>(
  service: Context.Key<I, S>,
  layer: Layer.Layer<I, E>,
  promised: (service: S, run: Run) => A
): Promise<A & Closeable> => fromCaller(() => start(service, layer, promised), running)

const start = async <I, S, E, A extends object>(
  service: Context.Key<I, S>,
  layer: Layer.Layer<I, E>,
  promised: (service: S, run: Run) => A
): Promise<A & Closeable> => {
  const runtime = ManagedRuntime.make(layer)
  let closed: Promise<void> | undefined
  const close = () => closed ??= runtime.dispose()
  try {
    const built = await runtime.runPromise(Effect.service(service))
    return Object.assign(promised(built, run), { close, [Symbol.asyncDispose]: close })
  } catch (error) {
    await close()
    throw error
  }
}
