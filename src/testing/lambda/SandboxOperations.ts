/** The operations of an emulator on the sandbox behind it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isoTime, now } from "./Clock.ts"
import type { ControlPlane } from "./ControlPlane.ts"
import type { EmulatorOperations, WaitOptions } from "./EmulatorOperations.ts"
import { attempt } from "./LambdaEmulatorError.ts"
import type { Sandbox } from "./Sandbox.ts"
import { awaitEvent, awaitOutput } from "./Waits.ts"

/** As long as OpenObserveDouble waits for records: far more than a local round trip takes, less than a test's time-out. */
const waitTimeout = Duration.seconds(4)

const patience = ({ timeout = waitTimeout }: WaitOptions, signal: AbortSignal) => ({
  timeoutMs: Duration.toMillis(timeout),
  signal
})

/** Hands the sandbox and the record of its calls out as effects. */
export const operationsOf = (
  sandbox: Sandbox,
  server: ControlPlane,
  place: Pick<EmulatorOperations, "runtimeApi" | "temporaryDirectory">
): EmulatorOperations => {
  const { history, output, stream } = sandbox
  const calls = () => server.calls.map((call) => Object.assign({}, call))
  return {
    ...place,
    start: attempt("start", () => sandbox.start()),
    invoke: (payload) => attempt("invoke", () => sandbox.invoke(payload)),
    shutdown: (reason = "spindown") =>
      attempt("shutdown", async () => ({ extensions: await sandbox.shutdown(reason) })),
    events: Effect.sync(() => [...stream.events]),
    receivedEvents: Effect.sync(() =>
      stream.accepted.flatMap(({ at, events, subscriber }) =>
        events.map((event) => Object.assign({ at, subscriber }, event))
      )
    ),
    deliveries: Effect.sync(() => [...stream.deliveries]),
    calls: Effect.sync(calls),
    output: Effect.sync(() => [...output]),
    extensions: Effect.sync(() => sandbox.extensions()),
    generations: Effect.sync(() => history.generations),
    freezes: Effect.sync(() => history.freezes),
    timeline: Effect.sync(() => history.timeline({ posts: stream.deliveries, calls: server.calls, output })),
    awaitOutput: (pattern, options = {}) =>
      attempt("awaitOutput", (signal) => awaitOutput(sandbox, pattern, options, patience(options, signal))),
    awaitEvent: (type, options = {}) =>
      attempt("awaitEvent", (signal) => awaitEvent(sandbox, type, options, patience(options, signal))),
    postTelemetry: (body) =>
      attempt("post", () => sandbox.awake(() => stream.post(body))).pipe(
        Effect.orElseSucceed(() => "failed" as const)
      ),
    emit: ({ record, time = isoTime(now()), type }) => Effect.sync(() => void stream.platform(type, record, time))
  }
}
