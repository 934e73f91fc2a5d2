import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import type { LambdaEmulator } from "../../src/testing/LambdaEmulator.ts"
import { eventually, patience, withEmulator } from "./lambdaSandbox.ts"

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly body: string
  readonly identifier: string
}

// A process that only exists: the test itself makes the extension's calls.
const silent = "#!/bin/sh\nexec sleep 60\n"

const client = (emulator: LambdaEmulator["Service"]) => {
  const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    Effect.promise(async (signal): Promise<Answer> => {
      const response = await fetch(`http://${emulator.runtimeApi}${path}`, {
        method,
        headers,
        body: body ?? null,
        signal
      })
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        body: await response.text(),
        identifier: response.headers.get("lambda-extension-identifier") ?? ""
      }
    })
  const identified = (identifier: string) => ({ "lambda-extension-identifier": identifier })
  return {
    call,
    register: (name: string, body: string, headers: Record<string, string> = {}) =>
      call("POST", "/2020-01-01/extension/register", body, { "lambda-extension-name": name, ...headers }),
    next: (identifier: string) => call("GET", "/2020-01-01/extension/event/next", undefined, identified(identifier)),
    report: (kind: "init" | "exit", identifier: string, type: string) =>
      call("POST", `/2020-01-01/extension/${kind}/error`, "{}", {
        ...identified(identifier),
        "lambda-extension-function-error-type": type
      }),
    subscribe: (identifier: string, request: unknown, path = "/2022-07-01/telemetry") =>
      call("PUT", path, JSON.stringify(request), identified(identifier))
  }
}

const refusal = ({ body, status }: Answer) => {
  const { errorMessage, errorType } = JSON.parse(body) as { errorMessage: string; errorType: string }
  return [status, errorType, errorMessage] as const
}

const notAllowed = "State transition is not allowed"
const unregistered = "3b2c0a4e-6c1f-4b7e-9a55-0d1f7e0c8a21"

/** An environment whose one extension, `log-shipper`, is played by the test. */
const played = <A, E>(
  options: Parameters<typeof withEmulator>[0],
  test: (
    api: ReturnType<typeof client>,
    emulator: LambdaEmulator["Service"]
  ) => Effect.Effect<A, E>
) =>
  withEmulator({ shippers: [], files: { "log-shipper": silent }, ...options }, (emulator) =>
    Effect.gen(function*() {
      yield* Effect.forkChild(Effect.ignore(emulator.start))
      yield* eventually(emulator.extensions, (extensions) => extensions.length === 1)
      return yield* test(client(emulator), emulator)
    }))

describe("Extensions API", () => {
  it.live(
    "answers a registration with the function's names and an identifier",
    () =>
      played({}, (api) =>
        Effect.gen(function*() {
          const answer = yield* api.register("log-shipper", "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}")
          assert.strictEqual(answer.status, 200)
          assert.match(answer.identifier, /^[0-9a-f-]{36}$/)
          assert.strictEqual(
            answer.body,
            "{\"functionName\":\"demo-function\",\"functionVersion\":\"$LATEST\",\"handler\":\"handler.handler\"}\n"
          )
        })),
    patience
  )

  it.live("adds the account only for those that accept it", () =>
    played({}, (api) =>
      Effect.gen(function*() {
        const answer = yield* api.register("log-shipper", "{}", {
          "lambda-extension-accept-feature": "unknown, accountId"
        })
        assert.strictEqual((JSON.parse(answer.body) as { accountId: string }).accountId, "111122223333")
      })), patience)

  it.live(
    "refuses registrations with the platform's types and texts",
    () =>
      played({}, (api) =>
        Effect.gen(function*() {
          const both = "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"
          const invalidEvent = "Extension.InvalidEventType"
          assert.deepStrictEqual(refusal(yield* api.register("", both)), [
            403,
            "Extension.InvalidExtensionName",
            "Empty extension name"
          ])
          assert.deepStrictEqual(refusal(yield* api.register("log-shipper", "{")).slice(0, 2), [
            403,
            "InvalidRequestFormat"
          ])
          assert.deepStrictEqual(
            refusal(yield* api.register("log-shipper", "{\"configurationKeys\":[\"a\"]}")).slice(0, 2),
            [403, "InvalidRequestFormat"]
          )
          assert.deepStrictEqual(refusal(yield* api.register("log-shipper", "{\"events\":[\"FOO\"]}")), [
            403,
            invalidEvent,
            "FOO: ErrorInvalidEventType"
          ])
          // a name that matches no file makes an internal extension
          assert.deepStrictEqual(refusal(yield* api.register("log-shiper", both)), [
            403,
            invalidEvent,
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
          ])
          yield* api.register("inner", "{\"events\":[\"INVOKE\"]}")
          assert.deepStrictEqual(refusal(yield* api.register("inner", "{}")), [
            403,
            "Extension.InvalidExtensionState",
            "Extension with this name already registered"
          ])
          for (let index = 0; index < 8; index++) yield* api.register(`inner-${index}`, "{}")
          assert.deepStrictEqual(refusal(yield* api.register("eleventh", "{}")), [
            403,
            "Extension.TooManyExtensions",
            "Extension limit (10) reached"
          ])
          assert.strictEqual((yield* api.register("log-shipper", both)).status, 200)
          assert.deepStrictEqual(refusal(yield* api.register("log-shipper", both)), [
            403,
            "Extension.InvalidExtensionState",
            `State transition from Registered to Registered failed for extension log-shipper. Error: ${notAllowed}`
          ])
        })),
    patience
  )

  it.live("refuses calls without a known identifier", () =>
    played({}, (api) =>
      Effect.gen(function*() {
        const types = yield* Effect.forEach(["", "log-shipper", unregistered], (identifier) =>
          Effect.gen(function*() {
            const answers = [
              yield* api.next(identifier),
              yield* api.report("init", identifier, "Extension.Any"),
              yield* api.report("exit", identifier, "Extension.Any"),
              yield* api.subscribe(identifier, {}),
              yield* api.subscribe(identifier, {}, "/2020-08-15/logs")
            ]
            return [...new Set(answers.map((answer) => refusal(answer)[1]))]
          }))
        assert.deepStrictEqual(types, [
          ["Extension.MissingExtensionIdentifier"],
          ["Extension.InvalidExtensionIdentifier"],
          ["Extension.UnknownExtensionIdentifier"]
        ])
      })), patience)

  it.live(
    "refuses a second poll while one is blocked, even when the first client is gone",
    () =>
      played({ freeze: false }, (api, emulator) =>
        Effect.gen(function*() {
          const { identifier } = yield* api.register("log-shipper", "{\"events\":[\"INVOKE\"]}")
          yield* Effect.timeoutOption(api.next(identifier), "300 millis")
          const expected = [
            403,
            "Extension.InvalidExtensionState",
            `State transition from Ready to Ready failed for extension ${identifier}. Error: ${notAllowed}`
          ] as const
          assert.deepStrictEqual(refusal(yield* api.next(identifier)), expected)
          yield* emulator.start
          // the event goes to the dead connection; from then on a poll is taken again
          yield* Effect.forkChild(emulator.invoke({}))
          yield* eventually(emulator.extensions, ([extension]) => extension?.state === "Running")
          const calls = yield* emulator.calls
          assert.deepStrictEqual(
            calls.filter(({ path }) => path.endsWith("/event/next")).map(({ status }) => status),
            [undefined, 403]
          )
          yield* Effect.forkChild(api.next(identifier))
          yield* eventually(emulator.events, (events) => events.some(({ type }) => type === "platform.report"))
        })),
    patience
  )

  it.live(
    "takes init/error only before the first poll, exit/error at any time",
    () =>
      played({}, (api) =>
        Effect.gen(function*() {
          const { identifier } = yield* api.register("log-shipper", "{}")
          assert.deepStrictEqual(refusal(yield* api.report("init", identifier, "")), [
            403,
            "Extension.MissingHeader",
            "Lambda-Extension-Function-Error-Type not found"
          ])
          yield* Effect.forkChild(api.next(identifier))
          yield* Effect.sleep(100)
          assert.deepStrictEqual(refusal(yield* api.report("init", identifier, "Extension.Any")), [
            403,
            "Extension.InvalidExtensionState",
            `State transition from Ready to InitError failed for extension ${identifier}. Error: ${notAllowed}`
          ])
          const answers = [
            yield* api.report("exit", identifier, "Extension.Any"),
            yield* api.report("exit", identifier, "Extension.Any")
          ]
          assert.deepStrictEqual(answers.map(({ body, status }) => [status, body]), [
            [202, "{\"status\":\"OK\"}\n"],
            [202, "{\"status\":\"OK\"}\n"]
          ])
        })),
    patience
  )

  it.live(
    "answers unknown routes with 404, wrong methods with 405 and the ping with pong",
    () =>
      played({}, (api) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* api.call("PUT", "/2025-01-29/telemetry", "{}")).status, 404)
          assert.strictEqual((yield* api.call("GET", "/2022-07-01/telemetry")).status, 405)
          assert.strictEqual((yield* api.call("GET", "/2018-06-01/ping")).body, "pong")
        })),
    patience
  )
})

const valid = {
  schemaVersion: "2025-01-29",
  types: ["platform"],
  buffering: { maxItems: 1000, maxBytes: 262_144, timeoutMs: 25 },
  destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243" }
}

describe("Telemetry API subscription", () => {
  it.live("refuses what is out of range, and says all of it", () =>
    played({}, (api) =>
      Effect.gen(function*() {
        const { identifier } = yield* api.register("log-shipper", "{}")
        const problem = (changes: object) =>
          Effect.map(api.subscribe(identifier, { ...valid, ...changes }), (answer) => refusal(answer))
        const uri = (URI: string) => ({ destination: { protocol: "HTTP", URI } })
        const table: ReadonlyArray<readonly [changes: object, message: string]> = [
          [
            { ...uri("http://sandbox.localdomain"), types: [] },
            "URI port is not provided; types should not be empty"
          ],
          [
            uri("http://127.0.0.1:4243/logs"),
            "Only 'sandbox.localdomain' hostname is supported. " +
            "Write http://sandbox.localdomain:4243/logs instead of http://127.0.0.1:4243/logs"
          ],
          [uri("https://sandbox:4243"), "Only 'http' scheme is supported."],
          [{ destination: { protocol: "TCP", port: 0 } }, "destination.port should be between 1 and 65535"],
          [{ schemaVersion: "2026-01-01" }, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"],
          [{ types: ["fatal"] }, "types should be platform, function or extension, not fatal"],
          [{ buffering: { timeoutMs: 24 } }, "buffering.timeoutMs should be an integer between 25 and 30000"],
          [{ buffering: { maxItems: 999 } }, "buffering.maxItems should be an integer between 1000 and 10000"],
          [{ buffering: { maxBytes: 2 ** 21 } }, "buffering.maxBytes should be an integer between 262144 and 1048576"]
        ]
        for (const [changes, message] of table) {
          assert.deepStrictEqual(yield* problem(changes), [400, "ValidationError", message])
        }
        const accepted = yield* api.subscribe(identifier, valid)
        assert.deepStrictEqual([accepted.status, accepted.body], [200, "\"OK\""])
      })), patience)

  it.live(
    "takes the same subscription twice, but not another one",
    () =>
      played({}, (api, emulator) =>
        Effect.gen(function*() {
          const { identifier } = yield* api.register("log-shipper", "{}")
          const statuses = [
            (yield* api.subscribe(identifier, valid)).status,
            (yield* api.subscribe(identifier, valid)).status,
            (yield* api.subscribe(identifier, { ...valid, types: ["function"] })).status
          ]
          assert.deepStrictEqual(statuses, [200, 200, 500])
          const subscriptions = (yield* emulator.events).filter(({ type }) => type === "platform.telemetrySubscription")
          assert.strictEqual(subscriptions.length, 1)
        })),
    patience
  )

  it.live(
    "streams one JSON object a line to a TCP destination",
    () =>
      played({ freeze: false }, (api, emulator) =>
        Effect.scoped(Effect.gen(function*() {
          let text = ""
          const server = yield* Effect.acquireRelease(
            Effect.promise(() =>
              new Promise<Net.Server>((resolve) => {
                const server = Net.createServer((socket) => socket.on("data", (chunk) => text += chunk.toString()))
                server.listen(0, "127.0.0.1", () => resolve(server))
              })
            ),
            (server) => Effect.sync(() => server.close())
          )
          const { port } = server.address() as Net.AddressInfo
          const { identifier } = yield* api.register("log-shipper", "{}")
          yield* api.subscribe(identifier, { ...valid, destination: { protocol: "TCP", port } })
          yield* Effect.forkChild(api.next(identifier))
          yield* emulator.start
          yield* eventually(Effect.sync(() => text), (text) => text.includes("platform.initReport"))
          const events = text.trimEnd().split("\n").map((line) => (JSON.parse(line) as { type: string }).type)
          assert.strictEqual(events[0], "platform.initStart")
        }))),
    patience
  )

  it.live(
    "is closed once everybody has polled",
    () =>
      played({ freeze: false }, (api, emulator) =>
        Effect.gen(function*() {
          const { identifier } = yield* api.register("log-shipper", "{}")
          yield* Effect.forkChild(api.next(identifier))
          yield* emulator.start
          assert.deepStrictEqual(refusal(yield* api.subscribe(identifier, valid)), [
            403,
            "Telemetry.SubscriptionClosed",
            "Telemetry API subscription is closed already"
          ])
        })),
    patience
  )

  const modes = [
    ["not-supported-202", [202, "Telemetry.NotSupported"]],
    ["closed-403", [403, "Telemetry.SubscriptionClosed"]],
    ["error-500", [500, "InternalServerError"]],
    ["rejects-schema-400", [400, "ValidationError"]]
  ] as const
  it.live.each(modes)(
    "can be %s",
    ([telemetryApi, expected]) =>
      played({ telemetryApi }, (api) =>
        Effect.gen(function*() {
          const { identifier } = yield* api.register("log-shipper", "{}")
          assert.deepStrictEqual(refusal(yield* api.subscribe(identifier, valid)).slice(0, 2), [...expected])
        })),
    patience
  )

  it.live(
    "can be missing",
    () =>
      played({ telemetryApi: "missing-404", logsApi: "missing-404" }, (api) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* api.subscribe("", valid)).status, 404)
          assert.strictEqual((yield* api.subscribe("", valid, "/2020-08-15/logs")).status, 404)
        })),
    patience
  )
})
