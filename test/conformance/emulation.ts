/** One run of AWS's emulator around the built layer: starts it, speaks to it, ends it with the test's scope. */
import * as Effect from "effect/Effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { eventually } from "./eventually.ts"
import { accepts, freePorts } from "./ports.ts"
import type { EmulationOptions, ProcessView } from "./sandboxProcess.ts"
import { childOf, MAX_CONCURRENCY, preparedDirectory, startEmulator } from "./sandboxProcess.ts"
import type { Tools } from "./setup.ts"

/** What an invocation was answered. */
interface Answer {
  readonly status: number
  readonly errorType: string | null
  readonly body: unknown
}

/** A running emulator. */
export interface Emulation {
  readonly invoke: (payload: object, requestId?: string) => Effect.Effect<Answer>
  /** Every line of the emulator and of what runs in it, in the order in which they came. */
  readonly output: Effect.Effect<ReadonlyArray<string>>
  /**
   * Waits until the emulator has read lines that contain these texts, which it prints then. It does not read on once its
   * end has begun.
   */
  readonly awaitLines: (...texts: ReadonlyArray<string>) => Effect.Effect<void>
  /** Creates a file that the function can see in its `/tmp`. */
  readonly touch: (name: string) => Effect.Effect<void>
  /** Waits for a file that the function creates in its `/tmp`. */
  readonly awaitFile: (name: string) => Effect.Effect<void>
  /** The extension's process. */
  readonly extension: Effect.Effect<ProcessView>
  /** Waits until it can be invoked, on Managed Instances as often at once as it has workers. */
  readonly ready: Effect.Effect<void>
  /** Waits for the end, and for all output; tells the exit code. */
  readonly ended: Effect.Effect<number | NodeJS.Signals | undefined>
  /** Waits until every event that the emulator has read of so far was posted to the extension, and answered. */
  readonly posted: Effect.Effect<void>
  /** Ends the emulator as a container is ended, and waits for that; what it has in hand is posted first. */
  readonly terminate: Effect.Effect<number | NodeJS.Signals | undefined>
}

/** How the emulator logs that a worker asks for an invocation. */
const WORKER_POLL = "method=GET url=/2018-06-01/runtime/invocation/next"

/** Starts the emulator; on-demand it initialises with the first invocation, on Managed Instances at once. */
export const emulate = Effect.fnUntraced(function*(tools: Tools, options: EmulationOptions) {
  const directory = yield* preparedDirectory(options)
  const [invokePort, apiPort] = yield* freePorts
  const { exit, lines, pid } = yield* startEmulator(tools, options, directory, [
    "--log-level",
    "debug",
    "--runtime-api-address",
    `127.0.0.1:${apiPort}`,
    "--runtime-interface-emulator-address",
    `127.0.0.1:${invokePort}`
  ])
  const output = Effect.sync(() => lines)
  const isOver = () => exit() !== undefined
  const ended = eventually("the emulator ends", Effect.sync(exit), (status) => status !== undefined)
  // one worker is enough for the end of init, but a second call would be refused
  const workers = options.mode === "managed" ? MAX_CONCURRENCY : 0
  const posted = Effect.asVoid(eventually("the emulator has posted all events", output, isPosted))
  const emulation: Emulation = {
    invoke: (payload, requestId) =>
      Effect.promise(async (signal) => {
        const response = await fetch(`http://127.0.0.1:${invokePort}/2015-03-31/functions/function/invocations`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(requestId === undefined ? {} : { "x-amzn-requestid": requestId })
          },
          body: JSON.stringify(payload),
          signal
        })
        const text = await response.text()
        return { status: response.status, errorType: response.headers.get("error-type"), body: parsed(text) }
      }),
    output,
    awaitLines: (...texts) =>
      Effect.asVoid(eventually(
        texts.join(),
        output,
        (lines) => texts.every((text) => lines.some((line) => line.includes(text)))
      )),
    touch: (name) => Effect.sync(() => writeFileSync(join(directory, "tmp", name), "")),
    awaitFile: (name) =>
      Effect.asVoid(eventually(name, Effect.sync(() => existsSync(join(directory, "tmp", name))), Boolean)),
    extension: Effect.map(
      eventually(
        "the extension runs",
        Effect.sync(() => childOf(pid, "o2-lambda-extension")),
        (view) => view !== undefined
      ),
      (view) => view!
    ),
    ready: Effect.gen(function*() {
      yield* eventually("the emulator listens", accepts(invokePort), (isAccepted) => isAccepted || isOver())
      const polls = Effect.map(output, (lines) => lines.filter((line) => line.includes(WORKER_POLL)).length)
      yield* eventually("the workers ask", polls, (count) => count >= workers || isOver())
      if (isOver()) return yield* Effect.die(new Error("the emulator has ended instead of starting"))
    }),
    ended,
    posted,
    terminate: posted.pipe(Effect.andThen(Effect.sync(() => process.kill(pid, "SIGTERM"))), Effect.andThen(ended))
  }
  return emulation
})

/** What the emulator logs on Managed Instances about the telemetry of a subscriber, in this order. */
const [TAKEN, SENT, ANSWERED] = ["in eventConsumerLoop", "sending batch to client", "telemetry HTTP request completed"]

const isPosted = (lines: ReadonlyArray<string>): boolean => {
  const [taken, sent, answered] = [TAKEN, SENT, ANSWERED].map((text) =>
    lines.findLastIndex((line) => line.includes(text))
  ) as [number, number, number]
  return taken <= sent && sent <= answered
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
