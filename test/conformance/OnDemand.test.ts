/** AWS's emulator in on-demand mode: the whole lifecycle, and no Telemetry API (it answers 202). */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { assertBalanced, assertRegisteredBy, describeConformance, variants, withSandbox } from "./conformance.ts"
import { eventually } from "./eventually.ts"

const NEXT = "GET /2020-01-01/extension/event/next"

describeConformance("on-demand mode of AWS's emulator", () => {
  for (const { runtime, shell } of variants) {
    it.live(`runs a ${runtime} function with one warning and a clean end, sh being ${shell}`, () =>
      withSandbox({ mode: "on-demand", runtime, shell }, (sandbox) =>
        Effect.gen(function*() {
          for (const call of ["one", "two", "three"]) {
            const { body, status } = yield* sandbox.invoke({ lines: [`line of ${call}`] })
            assert.strictEqual(status, 200)
            assert.property(body, "requestId")
            yield* sandbox.awaitLines(`line of ${call}`)
          }
          const { environment } = yield* sandbox.extension
          assertRegisteredBy(shell, environment)
          assert.deepStrictEqual((yield* sandbox.ownLines).map(({ level }) => level), ["warn"])

          assert.strictEqual(yield* sandbox.terminate, 0)
          const lines = yield* sandbox.ownLines
          assert.deepStrictEqual(lines.map(({ level }) => level), ["warn", "info"])
          assertBalanced(lines, "SandboxTerminated", 0)
          const output = (yield* sandbox.output).join("\n")
          assert.match(output, /External agent o2-lambda-extension .* subscribed to \[INVOKE SHUTDOWN\]/)
          // of two pointers the one to what came of it: an exit, not a signal
          assert.match(output, /Signo:<nil> ExitStatus:0x\w+ [^\n]*\n[^\n]*Handling termination for extension-o2/)
          assert.deepStrictEqual(yield* sandbox.stored, [])
        })))
  }

  it.live("asks for the next event while the function still runs, there being no telemetry to wait for", () =>
    withSandbox({ mode: "on-demand", runtime: "node" }, (sandbox) =>
      Effect.gen(function*() {
        // few, so that having learned not to wait does not count
        for (let call = 0; call < 3; call++) yield* sandbox.invoke({ sleepMs: 300 })
        assert.strictEqual(yield* sandbox.terminate, 0)
        const calls = (yield* sandbox.output).join("\n").split("INVOKE START").slice(1)
        const isEarly = calls.map((call) => call.slice(0, call.indexOf("/response,")).includes(NEXT))
        // waiting would do so in every call, a busy machine in one
        assert.include(isEarly, true)
      })))

  it.live("fails the start when a setting is wrong", () =>
    withSandbox(
      { mode: "on-demand", runtime: "node", environment: { O2_MAX_RETRIES: "many" } },
      (sandbox) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* sandbox.invoke({})).status, 502)
          yield* sandbox.terminate
          const output = (yield* sandbox.output).join("\n")
          // the emulator keeps its own word for the type, but has heard ours
          assert.match(output, /POST \S*\/init\/error, .*Function-Error-Type:\[Extension\.ConfigInvalid\]/)
          assert.include(output, "First fatal error stored in appctx: Extension.InitError")
          const [error] = yield* sandbox.ownLines
          assert.strictEqual(error?.level, "error")
          assert.include(error?.message, "O2_MAX_RETRIES")
        })
    ))

  it.live("lets the function run when a setting is wrong and that is wanted", () =>
    withSandbox({
      mode: "on-demand",
      runtime: "python",
      environment: { O2_MAX_RETRIES: "many", O2_ON_CONFIG_ERROR: "pass-through" }
    }, (sandbox) =>
      Effect.gen(function*() {
        assert.property((yield* sandbox.invoke({})).body, "requestId")
        assert.strictEqual(yield* sandbox.terminate, 0)
        assert.include((yield* sandbox.ownLines)[0]?.message, "O2_MAX_RETRIES")
      })))

  it.live("ends with a call that times out, and starts again with the next", () =>
    withSandbox({ mode: "on-demand", runtime: "node", timeoutSeconds: 3 }, (sandbox) =>
      Effect.gen(function*() {
        const late = yield* Effect.forkChild(sandbox.invoke({ signal: "running", until: "never" }))
        yield* sandbox.awaitFile("running")
        assert.include(JSON.stringify((yield* Fiber.join(late)).body), "timed out")
        const isEnd = ({ message }: { readonly message: string }) => message === "ledger"
        assertBalanced(yield* eventually("the end", sandbox.ownLines, (lines) => lines.some(isEnd)), "Timeout", 0)
        assert.property((yield* sandbox.invoke({})).body, "requestId")
        assert.strictEqual(yield* sandbox.terminate, 0)
        const ends = (yield* sandbox.ownLines).filter(isEnd)
        assert.deepStrictEqual(ends.map(({ reason }) => reason), ["Timeout", "SandboxTerminated"])
      })))
})
