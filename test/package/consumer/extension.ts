/** An extension of somebody else, with what the layer does and a hook, a processor and records beside it. */
import * as Effect from "effect/Effect"
import * as Extension from "o2-lambda-extension/Extension"
import * as Processor from "o2-lambda-extension/Processor"
import { Records } from "o2-lambda-extension/Records"
import type { Telemetry } from "o2-lambda-extension/Telemetry"

/** What others build on must have a type that they can name. */
export const hooks: Extension.Hooks<never, never, Records | Telemetry> = {
  onCallEnd: (call, end) =>
    Effect.gen(function*() {
      const records = yield* Records
      yield* records.add({ event: "call.ended", status: end.status, password: call.requestId })
      yield* Effect.log("a hook has run")
    })
}

export const program = Extension.run({
  name: "my-extension",
  hooks,
  processors: [Processor.redact({ fields: ["password"] })]
})

export const mine = program.pipe(Effect.asVoid)

Extension.runMain(program)
