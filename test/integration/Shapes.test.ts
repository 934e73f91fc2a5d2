/** What comes is stored as it came: numbers digit by digit, records of any shape, members that nobody has announced. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { complaints, ended } from "./books.ts"
import { carrying, eventually, type Sandbox, withSandbox } from "./sandbox.ts"

/** Numbers that `JSON.parse` would change. */
const NUMBERS = {
  i64: "9223372036854775807",
  least: "-9223372036854775808",
  odd: "9007199254740993",
  u64: "18446744073709551615",
  whole: "5000.0",
  power: "1.50E+3"
}

const numbers = Object.entries(NUMBERS).map(([name, text]) => `"${name}":${text}`).join()

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

/** An event with these numbers in its record, as text. */
const event = (more: { readonly record?: string; readonly before?: string; readonly minutes?: number } = {}) =>
  `{"time":"${minutesAgo(more.minutes ?? 0)}",${more.before ?? ""}"type":"function","record":{${numbers}${
    more.record ?? ""
  }}}`

const keys = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, key) => `,"${prefix}_${key}":${key}`).join("")

/** Bodies that were stored, one behind the other. */
const storedBodies = ({ openObserve }: Sandbox) =>
  Effect.map(openObserve.requests, (requests) =>
    carrying(requests)
      .filter(({ answer }) => answer.includes("\"failed\":0"))
      .map(({ body }) => Buffer.from(body).toString())
      .join("\n"))

/** How often a number stands there, as a member of an object or of one in a string. */
const timesIn = (bodies: string, name: string, text: string) => bodies.split(new RegExp(`${name}\\\\*":${text}[,}]`))

interface Way {
  readonly what: string
  readonly events: ReadonlyArray<string>
  readonly fault?: Fault
  /** That the records have been rewritten as the test means it. */
  readonly shows: RegExp
}

const ways: ReadonlyArray<Way> = [
  { what: "copied as they came", events: [event(), event()], shows: /"record":\{"i64"/ },
  { what: "beside an unknown member", events: [event({ before: "\"tenantId\":\"t1\"," })], shows: /"tenantId":"t1"/ },
  { what: "with a time that is too old", events: [event({ minutes: 400 })], shows: /"time":"/ },
  {
    what: "in batches of fewer columns",
    events: [event({ record: keys("a", 120) }), event({ record: keys("b", 120) })],
    shows: /"a_7":7/
  },
  {
    what: "in objects that become text",
    events: Array.from({ length: 40 }, (_, index) => event({ record: keys(`k${index}`, 60) })),
    shows: /"record":"\{\\"i64\\":/
  },
  {
    what: "with a new time after a refusal",
    events: [event({ minutes: 3 })],
    fault: Fault.ForBody({
      matches: (body) => !body.includes("\"time\""),
      fault: Fault.Answer({
        status: 200,
        body:
          "{\"code\":200,\"status\":[{\"name\":\"default\",\"successful\":0,\"failed\":999,\"error\":\"Too old data\"}]}"
      })
    }),
    shows: /"time":"/
  },
  {
    what: "in a record that is cut",
    events: [event({ record: `,"long":"${"x".repeat(40_000)}"` })],
    fault: Fault.ForBody({ matches: (body) => body.length > 30_000, fault: Fault.Answer({ status: 413, body: "" }) }),
    shows: /x{1000}[^"]*cut|truncated|left out/
  }
]

describe("64-bit integers and 5000.0", () => {
  for (const { events, fault, shows, what } of ways) {
    it.live(`keep every digit ${what}`, () =>
      // events of the platform's would share a batch with them, and be too young to be refused
      withSandbox(
        { environment: { O2_TELEMETRY_TYPES: "function", O2_FLUSH_INTERVAL_MS: "50" }, freeze: false },
        (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.emulator.start
            if (fault !== undefined) {
              yield* sandbox.openObserve.setFault(fault)
            }
            assert.strictEqual(yield* sandbox.emulator.postTelemetry(`[${events.join()}]`), 200)
            yield* eventually(sandbox.functionRecords, (records) => records.length === events.length)
            yield* ended(sandbox)
            const bodies = yield* storedBodies(sandbox)
            for (const [name, text] of Object.entries(NUMBERS)) {
              const quoted = text.replace("+", "\\+").replace(".", "\\.")
              assert.strictEqual(
                timesIn(bodies, name, quoted).length - 1,
                events.length,
                `${name} in ${bodies.slice(0, 900)}`
              )
            }
            assert.match(bodies, shows)
          })
      ))
  }
})

describe("records", () => {
  const shapes = [
    "[]",
    "[1,\"a\",{\"x\":1}]",
    "null",
    "7",
    "5000.0",
    "true",
    "\"\"",
    "{}",
    "\"{\\\"a\\\":1}\"",
    "{\"a\":1}"
  ]

  it.live("of ten shapes are all stored", () =>
    withSandbox({}, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.emulator.start
        const events = shapes.map((record, n) =>
          `{"time":"${minutesAgo(0)}","type":"function","record":${record},"n":${n}}`
        )
        assert.strictEqual(yield* sandbox.emulator.postTelemetry(`[${events.join()}]`), 200)
        yield* sandbox.invoke({ lines: ["behind"] })
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { malformed: 0, rejected: {}, dropped: {}, delivered: ledger["received"] })
        const records = yield* sandbox.functionRecords
        assert.deepStrictEqual(records.map(({ n }) => n), [...shapes.keys(), undefined])
        assert.deepStrictEqual(records.map(({ record }) => record).slice(0, 10), [
          undefined,
          "[1,\"a\",{\"x\":1}]",
          undefined,
          "7",
          "5000.0",
          "true",
          "",
          undefined,
          "{\"a\":1}",
          undefined
        ])
        assert.strictEqual(records[9]?.["record_a"], 1)
      })))

  it.live("keep members that nobody has announced, of the event and of the record", () =>
    withSandbox({}, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.emulator.start
        const record = { requestId: "6f0d7a9e", functionArn: "arn:aws:lambda:eu-west-1:1:function:f", tenantId: "t1" }
        const event = { time: minutesAgo(0), functionArn: "arn", tenantId: "t2", type: "platform.start", record }
        assert.strictEqual(yield* sandbox.emulator.postTelemetry(JSON.stringify([event])), 200)
        yield* ended(sandbox)
        const stored = (yield* sandbox.openObserve.records("default")).find(({ tenantid }) => tenantid === "t2")
        assert.include(stored, {
          functionarn: "arn",
          record_functionarn: "arn:aws:lambda:eu-west-1:1:function:f",
          record_tenantid: "t1"
        })
      })))

  it.live("with keys that become one column are as narrow as the server stores them, and the last spelling wins", () =>
    withSandbox({ logFormat: "JSON" }, (sandbox) =>
      Effect.gen(function*() {
        // 300 keys, 100 columns
        const fields = Array.from({ length: 100 }, (_, n) => [[`k ${n}.x`, 1], [`k-${n}`, { x: 2 }], [`k.${n}_x`, 3]])
        const line = { ...Object.fromEntries(fields.flat()), "foo.bar_baz": 1, foo_bar: { baz: 2 }, "b c": 3, "b-c": 4 }
        yield* sandbox.invoke({ lines: [JSON.stringify(line), JSON.stringify(line)] })
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["delivered"], ledger["received"])
        const [record] = yield* sandbox.functionRecords
        assert.include(record, { record_foo_bar_baz: 2, record_b_c: 4, record_k_0_x: 3 })
        assert.deepStrictEqual(complaints(yield* sandbox.ownLines), [])
        for (const { body } of carrying(yield* sandbox.openObserve.requests)) {
          assert.notMatch(Buffer.from(body).toString(), /"record":"\{/)
        }
      })))
})

describe("posts", () => {
  it.live("of one connection are all taken: 2 000 small ones, one that is too large, and a good one", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator } = sandbox
        yield* emulator.start
        const call = (yield* emulator.calls).find(({ path }) => path.endsWith("/telemetry"))
        const { pathname, port } = new URL(JSON.parse(call?.body ?? "").destination.URI)
        const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
        const sockets = new Set<unknown>()
        const post = (body: string) =>
          Effect.callback<number>((resume) => {
            const request = Http.request({ agent, host: "127.0.0.1", port, path: pathname, method: "POST" })
            request.once("socket", (socket) => sockets.add(socket))
            request.once("response", (response) => {
              response.resume()
              response.once("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
            })
            request.once("error", () => resume(Effect.succeed(0)))
            request.end(body)
          })
        const line = (text: string) => JSON.stringify([{ time: minutesAgo(0), type: "function", record: text }])
        for (let n = 0; n < 2000; n++) assert.strictEqual(yield* post(line(`small ${n}`)), 200)
        assert.strictEqual(yield* post(line("x".repeat(9 * 1024 * 1024))), 200)
        assert.strictEqual(yield* post(line("good")), 200)
        agent.destroy()
        assert.strictEqual(sockets.size, 1)
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["postsDropped"], 1)
        const lines = yield* sandbox.functionLines
        assert.strictEqual(lines.length, 2001)
        assert.deepStrictEqual([lines[0], lines.at(-1)], ["small 0", "good"])
      })))
})
