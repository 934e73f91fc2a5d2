/** The port that Lambda posts to is open to everything in the sandbox: only who knows the path is heard. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import { ended } from "./books.ts"
import { type Sandbox, withSandbox } from "./sandbox.ts"

/** The address that the extension has told Lambda. */
const subscribedAddress = ({ emulator }: Sandbox) =>
  Effect.map(emulator.calls, (calls) => {
    const accepted = calls.find(({ path, status }) => /\/(telemetry|logs)$/.test(path) && status === 200)
    return new URL(JSON.parse(accepted?.body ?? "").destination.URI)
  })

const send = (port: string, method: string, path: string, body = "") =>
  Effect.callback<number>((resume) => {
    const request = Http.request({ host: "127.0.0.1", port, method, path, agent: false }, (response) => {
      response.resume()
      response.once("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
    })
    request.once("error", () => resume(Effect.succeed(0)))
    request.end(body)
  })

const forged = JSON.stringify([{ time: new Date().toISOString(), type: "function", record: "forged" }])

describe("the telemetry port", () => {
  for (const telemetryApi of ["available", "missing-404"] as const) {
    it.live(`takes only posts to the subscribed path where the Telemetry API is ${telemetryApi}`, () =>
      withSandbox({ freeze: false, telemetryApi }, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.invoke({ lines: ["written"] })
          const { pathname, port } = yield* subscribedAddress(sandbox)
          assert.match(pathname, /[\w-]{32,}/)
          const answers = []
          for (const path of ["/", "/telemetry", "/logs", `${pathname}/x`, pathname.slice(0, -1)]) {
            answers.push(yield* send(port, "POST", path, forged))
          }
          for (const method of ["GET", "PUT", "DELETE"]) answers.push(yield* send(port, method, pathname, forged))
          assert.deepStrictEqual(answers, Array.from({ length: 8 }, () => 404))
          const { refusedRequests } = yield* ended(sandbox)
          assert.strictEqual(refusedRequests, 8)
          assert.deepStrictEqual(yield* sandbox.functionLines, ["written\n"])
        })))
  }

  it.live("has another path in each sandbox", () =>
    Effect.gen(function*() {
      const path = withSandbox({}, (sandbox) =>
        Effect.andThen(
          sandbox.emulator.start,
          Effect.map(subscribedAddress(sandbox), ({ pathname }) => pathname)
        ))
      assert.notStrictEqual(yield* path, yield* path)
    }))
})
