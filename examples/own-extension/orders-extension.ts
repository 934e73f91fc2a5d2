/** An extension of your own: all that the layer does, work beside each call, a record about it, and no secrets in the logs. */
import * as Effect from "effect/Effect"
import * as Extension from "o2-lambda-extension/Extension"
import * as Processor from "o2-lambda-extension/Processor"
import { Records } from "o2-lambda-extension/Records"

/** Keeps something fresh that the function uses: here, only the time that it takes. */
const refreshPrices = Effect.gen(function*() {
  yield* Effect.sleep("20 millis")
  yield* Effect.log("prices are fresh")
})

Extension.runMain(Extension.run({
  // the file's name in /opt/extensions
  name: "orders-extension",
  hooks: {
    // beside the function, while it works
    onInvoke: () => refreshPrices,
    // leaves together with the lines of the call
    onCallEnd: (_, end) =>
      Records.use((records) =>
        records.add({ event: "call.ended", status: end.status, ms: end.durationMs }, { type: "audit" })
      )
  },
  processors: [
    Processor.redact({ patterns: [/card=\d+/], fields: ["password"] }),
    Processor.route(["audit"], (record) => record.type === "audit" ? "audit" : undefined)
  ]
}))
