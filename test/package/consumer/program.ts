/** A program of somebody else: compiled and run in an empty project that has installed the tarball. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExtensionConfig, LambdaEnvironment, layerNoDeps, program, Transport } from "o2-lambda-extension"
import { OpenObserveDouble } from "o2-lambda-extension/testing"

/** What others build on must have a type that they can name. */
export const mine = program.pipe(Effect.asVoid)

export const pipeline = layerNoDeps.pipe(
  Layer.provideMerge(Transport.layer),
  Layer.provideMerge(ExtensionConfig.layer),
  Layer.provideMerge(LambdaEnvironment.layer)
)

export const records = Effect.gen(function*() {
  const openObserve = yield* OpenObserveDouble
  yield* Effect.promise(() =>
    fetch(`${openObserve.url}/api/default/default/_json`, {
      method: "POST",
      headers: { authorization: openObserve.authorization, "content-type": "application/json" },
      body: "[{\"message\":\"from a program\"}]"
    })
  )
  return yield* openObserve.records("default")
}).pipe(Effect.provide(OpenObserveDouble.layer()))

if (process.argv.includes("run")) process.stdout.write(JSON.stringify(await Effect.runPromise(records)))
