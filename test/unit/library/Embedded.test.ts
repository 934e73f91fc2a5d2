/** An embedder's extension as a process of its own, in a local Lambda before a local OpenObserve. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import type { LambdaEmulator } from "../../../src/testing/LambdaEmulator.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { patience, type SandboxOptions, withEmulator } from "../../testing/lambdaSandbox.ts"

const program = fileURLToPath(new URL("../../support/fixtures/lambda/embedder.ts", import.meta.url))

const withEmbedder = <A, E>(
  options: SandboxOptions & { readonly behaviour?: object },
  test: (lambda: LambdaEmulator["Service"], openObserve: OpenObserveDouble["Service"]) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const openObserve = yield* OpenObserveDouble
    const { behaviour = {}, environment, ...sandbox } = options
    return yield* withEmulator({
      shippers: [],
      files: { "my-extension": `#!/usr/bin/env node\nimport(${JSON.stringify(program)})\n` },
      timeoutMs: 10_000,
      ...sandbox,
      environment: {
        O2_ENDPOINT: openObserve.url,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: openObserve.authorization,
        EMBEDDER: JSON.stringify(behaviour),
        ...environment
      }
    }, (lambda) => test(lambda, openObserve))
  }).pipe(Effect.provide(OpenObserveDouble.layer()))

/** What hooks have said of themselves, as it was stored. */
const hooksIn = (openObserve: OpenObserveDouble["Service"]) =>
  Effect.map(
    openObserve.records("default"),
    (records) =>
      records.filter(({ type }) => type === "hook").map(({ hook, reason, requestid, status }) =>
        [hook, status ?? reason, requestid].filter((part) => part !== undefined)
      )
  )

const ledgerOf = (lambda: LambdaEmulator["Service"]) =>
  Effect.map(lambda.output, (output) => {
    const line = output.findLast(({ line }) => line.includes("\"message\":\"ledger\""))?.line
    return JSON.parse(line ?? "{}") as Record<string, unknown>
  })

describe("an extension of somebody's own", () => {
  it.live(
    "is registered as its file, and has what its hooks say stored with the call",
    () =>
      withEmbedder({}, (lambda, openObserve) =>
        Effect.gen(function*() {
          const { requestId } = yield* lambda.invoke({ do: "flood", lines: 2, text: "secret-42" })
          // before the sandbox can freeze
          assert.deepStrictEqual(yield* hooksIn(openObserve), [
            ["onInit"],
            ["onInvoke", requestId],
            ["onCallEnd", "success", requestId]
          ])
          const { extensions } = yield* lambda.shutdown()
          assert.strictEqual(extensions[0]?.exitCode, 0)
          const records = yield* openObserve.records("default")
          assert.deepStrictEqual((yield* hooksIn(openObserve)).at(-1), ["onShutdown", "spindown"])
          assert.lengthOf(records.filter(({ record }) => /^\[REDACTED\] \d/.test(String(record))), 2)
          assert.lengthOf(records.filter(({ message }) => String(message).startsWith("line of")), 4)
          assert.isFalse((yield* openObserve.requests).some(({ body }) => Buffer.from(body).includes("secret-42")))
          assert.include(yield* ledgerOf(lambda), { extension: "my-extension", received: records.length })
        })),
    patience
  )

  it.live(
    "has its lines sent once when the lines of extensions are sent as well",
    () =>
      withEmbedder(
        { environment: { O2_TELEMETRY_TYPES: "platform,function,extension" } },
        (lambda, openObserve) =>
          Effect.gen(function*() {
            yield* lambda.invoke({})
            yield* lambda.invoke({})
            yield* lambda.shutdown()
            const records = yield* openObserve.records("default")
            const lines = records.filter((record) => JSON.stringify(record).includes("line of onInvoke"))
            assert.deepStrictEqual(lines.map(({ type }) => type), ["log", "log"])
          })
      ),
    patience
  )

  it.live(
    "is told by name what Lambda does not accept",
    () =>
      withEmbedder({ environment: { EMBEDDER_NAME: "another-name" } }, (lambda) =>
        Effect.gen(function*() {
          yield* Effect.flip(lambda.start)
          const [line] = (yield* lambda.output).filter(({ line }) => line.includes("fatal")).map(({ line }) => line)
          assert.include(line, "it asked as \\\"another-name\\\"")
        })),
    patience
  )

  for (const fault of ["hangs", "fails", "throws"] as const) {
    for (const hook of ["onInit", "onInvoke", "onCallEnd", "onShutdown"]) {
      it.live(`answers each call and loses nothing when ${hook} ${fault}`, () =>
        withEmbedder(
          { behaviour: { hook, fault }, timeoutMs: 2000, environment: { O2_FLUSH_BUDGET_MS: "300" } },
          (lambda, openObserve) =>
            Effect.gen(function*() {
              for (let call = 0; call < 2; call++) {
                const { outcome, status } = yield* lambda.invoke({ do: "flood", lines: 3 })
                assert.deepStrictEqual([outcome._tag, status], ["Response", "success"])
              }
              const { extensions } = yield* lambda.shutdown()
              assert.include(extensions[0], { exitCode: 0, killed: false })
              const ledger = yield* ledgerOf(lambda)
              assert.strictEqual(ledger["delivered"], ledger["received"])
              const records = yield* openObserve.records("default")
              assert.lengthOf(records.filter(({ record }) => /^line \d/.test(String(record))), 6)
              const complaints = (yield* lambda.output).filter(({ line }) =>
                line.includes(`${hook} ${fault === "hangs" ? "took too long" : "has failed"}`)
              )
              assert.lengthOf(complaints, hook === "onInit" || hook === "onShutdown" ? 1 : 2)
            })
        ), patience)
    }
  }

  it.live("is given the time that a freeze has taken", () =>
    withEmbedder({
      behaviour: { hook: "onCallEnd", fault: "dawdles" },
      environment: { O2_FLUSH_STRATEGY: "continuous", O2_FLUSH_BUDGET_MS: "300" }
    }, (lambda, openObserve) =>
      Effect.gen(function*() {
        // told with the next call, which is over before the hook is: nobody waits for it
        yield* lambda.invoke({})
        yield* lambda.invoke({ do: "sleep", ms: 80 })
        yield* Effect.sleep("1 second")
        yield* lambda.invoke({ do: "sleep", ms: 500 })
        yield* lambda.shutdown()
        const said = (yield* hooksIn(openObserve)).filter(([hook]) => hook === "onCallEnd")
        assert.deepStrictEqual(said.map(([, status]) => status), ["success", "success", "success"])
        assert.isFalse((yield* lambda.output).some(({ line }) => line.includes("took too long")))
      })), patience)

  it.live(
    "ends in order over an error that nobody has caught",
    () =>
      withEmbedder(
        { behaviour: { hook: "onInvoke", fault: "strays" } },
        (lambda, openObserve) =>
          Effect.gen(function*() {
            yield* lambda.invoke({ do: "sleep", ms: 200 })
            const lines = (yield* lambda.output).map(({ line }) => line)
            assert.lengthOf(lines.filter((line) => line.includes("an error that nobody has caught")), 1)
            assert.isTrue(lines.some((line) => line.includes("\"message\":\"ledger\"")))
            const [generation] = yield* lambda.generations
            assert.strictEqual(generation?.endReason, "failure")
            assert.deepInclude((yield* hooksIn(openObserve)).map(([hook]) => hook), "onShutdown")
          })
      ),
    patience
  )

  it.live(
    "has what its hooks have acquired released before the last flush",
    () =>
      withEmbedder({ behaviour: { finalizer: "adds" } }, (lambda, openObserve) =>
        Effect.gen(function*() {
          yield* lambda.invoke({})
          yield* lambda.shutdown()
          assert.deepStrictEqual((yield* hooksIn(openObserve)).slice(-2), [["onShutdown", "spindown"], ["finalizer"]])
          const ledger = yield* ledgerOf(lambda)
          assert.strictEqual(ledger["delivered"], ledger["received"])
        })),
    patience
  )

  it.live(
    "does not wait for a release that never ends",
    () =>
      withEmbedder({ behaviour: { finalizer: "hangs" } }, (lambda) =>
        Effect.gen(function*() {
          yield* lambda.invoke({})
          const { extensions } = yield* lambda.shutdown()
          assert.include(extensions[0], { exitCode: 0, killed: false })
          const ledger = yield* ledgerOf(lambda)
          assert.strictEqual(ledger["delivered"], ledger["received"])
        })),
    patience
  )

  it.live(
    "says of a cold start only what is known",
    () =>
      withEmbedder({}, (lambda, openObserve) =>
        Effect.gen(function*() {
          yield* lambda.invoke({})
          yield* lambda.invoke({})
          yield* lambda.shutdown()
          const said = (yield* openObserve.records("default")).filter(({ type }) => type === "hook")
          const cold = (hook: string) =>
            said.filter((record) => record["hook"] === hook).map((record) => record["faas_coldstart"])
          assert.deepStrictEqual([cold("onInit"), cold("onCallEnd")], [[undefined], [true, false]])
          assert.notInclude(cold("onInvoke").slice(1), true)
        })),
    patience
  )

  it.live(
    "is told of a time-out, and goes on in the next generation",
    () =>
      withEmbedder({ timeoutMs: 1500 }, (lambda, openObserve) =>
        Effect.gen(function*() {
          const slow = yield* lambda.invoke({ do: "sleep", ms: 60_000 })
          assert.strictEqual(slow.status, "timeout")
          const next = yield* lambda.invoke({})
          yield* lambda.shutdown()
          const said = yield* hooksIn(openObserve)
          assert.deepInclude(said, ["onCallEnd", "timeout", slow.requestId])
          assert.deepInclude(said, ["onShutdown", "timeout"])
          assert.deepInclude(said, ["onCallEnd", "success", next.requestId])
        })),
    patience
  )

  it.live(
    "keeps what its hooks say while OpenObserve is away",
    () =>
      withEmbedder({}, (lambda, openObserve) =>
        Effect.gen(function*() {
          yield* openObserve.setFault(Fault.memoryOverflow)
          for (let call = 0; call < 3; call++) yield* lambda.invoke({ do: "flood", lines: 3 })
          yield* openObserve.setFault(undefined)
          yield* lambda.shutdown()
          const said = (yield* hooksIn(openObserve)).map(([hook]) => hook)
          assert.lengthOf(said.filter((hook) => hook === "onCallEnd"), 3)
          assert.lengthOf(said.filter((hook) => hook === "onShutdown"), 1)
        })),
    patience
  )
})
