/** A program of somebody else: compiled and run in an empty project that has installed the tarball. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { Ledger } from "o2-lambda-extension/Ledger"
import * as OpenObserve from "o2-lambda-extension/OpenObserve"
import * as OpenObserveLogger from "o2-lambda-extension/OpenObserveLogger"
import * as Processor from "o2-lambda-extension/Processor"
import { Records } from "o2-lambda-extension/Records"
import { OpenObserveDouble } from "o2-lambda-extension/testing"

/** What others build on must have a type that they can name. */
export const fromEnvironment = OpenObserve.layerEnv()

export const sinkOf = (server: OpenObserveDouble["Service"]) =>
  OpenObserve.layer({
    organizationId: "default",
    authorization: Redacted.make(server.authorization),
    endpoint: server.url,
    stream: "jobs",
    processors: [Processor.redact({ fields: ["password"] })]
  })

export const logger = Logger.layer([OpenObserveLogger.make])

export const snapshot = Effect.flatMap(Ledger, (ledger) => ledger.snapshot)

export const work = Effect.gen(function*() {
  const records = yield* Records
  yield* records.add({ message: "from a program", password: "secret" })
  yield* Effect.log("from a logger")
}).pipe(Effect.provide(logger))

export const stored = Effect.gen(function*() {
  const server = yield* OpenObserveDouble
  const books = yield* Effect.andThen(work, snapshot).pipe(Effect.provide(sinkOf(server)))
  return { books, records: yield* server.records("jobs") }
}).pipe(Effect.provide(OpenObserveDouble.layer()))

export const everything = Layer.merge(fromEnvironment, OpenObserveDouble.layer())

if (process.argv.includes("run")) process.stdout.write(JSON.stringify(await Effect.runPromise(stored)))
