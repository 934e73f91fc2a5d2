/** Where records go: a stream that the server spells in another way, and one of their own for the platform's events. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { complaints, ended } from "./books.ts"
import { carrying, type Sandbox, withSandbox } from "./sandbox.ts"

/** The types of a stream's records. */
const typesIn = ({ openObserve }: Sandbox, stream: string) =>
  Effect.map(openObserve.records(stream), (records) => new Set(records.map(({ type }) => String(type))))

const isPlatform = (type: string) => type.startsWith("platform.")

describe("a stream", () => {
  for (const [set, kept] of [["Orders-API", "orders_api"], ["orders.v2 (eu)", "orders_v2_eu_"]] as const) {
    it.live(`whose name the server spells in another way (${set}) is told once`, () =>
      withSandbox({ environment: { O2_STREAM: set } }, (sandbox) =>
        Effect.gen(function*() {
          for (const line of ["one", "two"]) yield* sandbox.invoke({ lines: [line] })
          const ledger = yield* ended(sandbox)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          const told = (yield* sandbox.ownLines).filter(({ message }) => message.includes(`"${kept}"`))
          assert.deepStrictEqual(told.map(({ level }) => level), ["info"])
          assert.include(told[0]?.message, "O2_STREAM")
          assert.isAbove((yield* sandbox.openObserve.records(kept)).length, 2)
        })))
  }

  it.live("that is spelled as it was set is not spoken of", () =>
    withSandbox({ environment: { O2_STREAM: "orders_api" } }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ lines: ["one"] })
        yield* ended(sandbox)
        assert.notInclude((yield* sandbox.ownLines).map(({ message }) => message).join(), "orders_api")
      })))
})

describe("the platform's events", () => {
  const apart = { O2_PLATFORM_STREAM: "lambda_platform" }
  /** A line that makes text of a column of numbers, and of one that is text a column of both. */
  const order = { record: "order stored", status: 200, metrics: { durationMs: "12 ms" } }

  it.live("share columns with the function's lines, which become text, unless they have a stream of their own", () =>
    Effect.gen(function*() {
      const durations = (environment: Readonly<Record<string, string>>, stream: string) =>
        withSandbox({ logFormat: "JSON", environment }, (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.invoke({ lines: [JSON.stringify(order)] })
            yield* ended(sandbox)
            const reports = (yield* sandbox.openObserve.records(stream))
              .filter(({ type }) => type === "platform.report")
            return reports.map((report) => typeof report["record_metrics_durationms"])
          }))
      assert.deepStrictEqual(yield* durations({}, "default"), ["string"])
      assert.deepStrictEqual(yield* durations(apart, "lambda_platform"), ["number"])
    }))

  it.live("go to a stream of their own, in requests of their own, and all else stays where it was", () =>
    withSandbox(
      { environment: { ...apart, O2_TELEMETRY_TYPES: "platform,function,extension" } },
      (sandbox) =>
        Effect.gen(function*() {
          for (let call = 0; call < 3; call++) yield* sandbox.invoke({ lines: [`a ${call}`, `b ${call}`] })
          const ledger = yield* ended(sandbox)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          assert.deepStrictEqual(yield* sandbox.functionLines, ["a 0\n", "b 0\n", "a 1\n", "b 1\n", "a 2\n", "b 2\n"])
          const [lines, platform] = [yield* typesIn(sandbox, "default"), yield* typesIn(sandbox, "lambda_platform")]
          assert.deepStrictEqual([...lines].filter(isPlatform), [])
          assert.includeMembers([...platform], ["platform.initStart", "platform.start", "platform.report"])
          assert.isTrue([...platform].every(isPlatform))
          const stored = (yield* sandbox.openObserve.records("lambda_platform")).length
          assert.strictEqual(stored, (yield* sandbox.emulator.events).filter(({ type }) => isPlatform(type)).length)
          // each asked for once before the first call
          const asked = (yield* sandbox.openObserve.requests).filter(({ body }) => body.length === 2)
          assert.deepStrictEqual(asked.map(({ path }) => path).toSorted(), [
            "/api/default/default/_json",
            "/api/default/lambda_platform/_json"
          ])
        })
    ))

  it.live("are stored when a call ends, like its lines", () =>
    withSandbox({ environment: { ...apart, O2_FLUSH_STRATEGY: "end" } }, (sandbox) =>
      Effect.gen(function*() {
        const { requestId } = yield* sandbox.invoke({ lines: ["written"] })
        assert.deepStrictEqual(yield* sandbox.functionLines, ["written\n"])
        const ends = (yield* sandbox.openObserve.records("lambda_platform"))
          .filter(({ type }) => type === "platform.runtimeDone")
        assert.deepStrictEqual(ends.map((record) => record["record_requestid"]), [requestId])
        yield* ended(sandbox)
      })))

  it.live("survive a crash during an outage on the disk, each for its own stream", () =>
    withSandbox({ environment: apart }, (sandbox) =>
      Effect.gen(function*() {
        const { openObserve } = sandbox
        yield* sandbox.invoke({ lines: ["before"] })
        yield* openObserve.setFault(Fault.RefuseConnections())
        yield* sandbox.invoke({ lines: ["in the outage"], exits: 1 })
        yield* openObserve.setFault(undefined)
        yield* sandbox.invoke({ lines: ["after"] })
        yield* ended(sandbox)
        assert.deepStrictEqual(yield* sandbox.functionLines, ["before\n", "in the outage\n", "after\n"])
        const starts = (yield* openObserve.records("lambda_platform")).filter(({ type }) => type === "platform.start")
        assert.strictEqual(starts.length, 3)
        assert.deepStrictEqual([...(yield* typesIn(sandbox, "default"))].filter(isPlatform), [])
      })))

  it.live("do not hold up the lines when only their stream is refused", () =>
    withSandbox({ environment: { ...apart, O2_PLATFORM_STREAM: "refused" } }, (sandbox) =>
      Effect.gen(function*() {
        const { openObserve } = sandbox
        yield* openObserve.setFault(Fault.ForBody({
          matches: (body) => body.includes("\"type\":\"platform."),
          fault: Fault.Answer({ status: 404, body: "" })
        }))
        for (const line of ["one", "two"]) yield* sandbox.invoke({ lines: [line] })
        assert.deepStrictEqual(yield* sandbox.functionLines, ["one\n", "two\n"])
        const told = complaints(yield* sandbox.ownLines)
        assert.strictEqual(told.length, 1)
        assert.include(String(told[0]?.["url"]), "/refused/")
        yield* ended(sandbox)
      })))

  it.live("go where the lines go when both names are the same", () =>
    withSandbox({ environment: { O2_PLATFORM_STREAM: "default" } }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ lines: ["written"] })
        yield* ended(sandbox)
        assert.includeMembers([...(yield* typesIn(sandbox, "default"))], ["platform.report", "function"])
        const paths = new Set(carrying(yield* sandbox.openObserve.requests).map(({ path }) => path))
        assert.deepStrictEqual([...paths], ["/api/default/default/_json"])
      })))
})
