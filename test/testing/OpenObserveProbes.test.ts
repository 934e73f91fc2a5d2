import { assert, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { call, fill, fixture, NoAnswer, type Probe } from "./OpenObserveClient.ts"

const FILES = ["records", "content-coding", "timestamps", "bodies", "content", "access"]

interface TypeProbe {
  readonly steps: ReadonlyArray<ReadonlyArray<unknown>>
  readonly stored: ReadonlyArray<unknown>
}

// JSON has no integers beyond 2^53 that survive, so fixtures write them as { "bigint": "…" }.
const revive = (record: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(record).map(([key, value]) =>
      typeof value === "object" && value !== null && "bigint" in value
        ? readable([key, BigInt(String(value.bigint))])
        : [key, value]
    )
  )

const readable = ([key, value]: [string, bigint]): [string, number | bigint] =>
  Number.isSafeInteger(Number(value)) ? [key, Number(value)] : [key, value]

let streams = 0

const replay = Effect.fnUntraced(function*(probe: Probe) {
  const double = yield* OpenObserveDouble
  const stream = `probe_${++streams}`
  const now = yield* Clock.currentTimeMillis
  const authorization = probe.authorization === undefined ? double.authorization : probe.authorization
  const body = probe.bodyBase64 === undefined
    ? fill(probe.body ?? "", stream, now)
    : Buffer.from(probe.bodyBase64, "base64")
  const outcome = yield* Effect.result(
    call(double.url + fill(probe.path ?? "/api/default/{{stream}}/_json", stream, now), {
      method: probe.method,
      headers: { ...probe.headers, ...(authorization !== null && { authorization }) },
      body
    })
  )

  if (probe.status === "dropped") {
    assert.strictEqual(outcome._tag, "Failure")
    if (outcome._tag === "Failure") {
      assert.deepEqual(outcome.failure, new NoAnswer({ code: "ECONNRESET", detail: "socket hang up" }))
    }
  } else {
    if (outcome._tag === "Failure") return yield* outcome.failure
    const { body, headers, status } = outcome.success
    assert.strictEqual(body, fill(probe.answer ?? "", stream, now))
    assert.strictEqual(status, probe.status)
    assert.strictEqual(headers["content-type"]?.split(";")[0] ?? null, probe.contentType)
    for (const [name, value] of Object.entries(probe.answerHeaders ?? {})) assert.strictEqual(headers[name], value)
  }

  const records = yield* double.records(stream)
  if (probe.stored === "no stream") {
    assert.deepEqual(records, [])
  } else if (typeof probe.stored === "number") {
    assert.strictEqual(records.length, probe.stored)
  } else if (probe.stored !== undefined) {
    assert.deepEqual(records.map(({ _timestamp, ...fields }) => fields), probe.stored.map(revive))
  }
  const stamp = Number(records[0]?.["_timestamp"])
  if (probe.timestampOffsetMs === "arrival") {
    assert.isAtLeast(stamp, now * 1000)
    assert.isAtMost(stamp, ((yield* Clock.currentTimeMillis) + 1) * 1000)
  } else if (probe.timestampOffsetMs === "second") {
    assert.strictEqual(stamp, Math.floor(now / 1000) * 1e6)
  } else if (probe.timestampOffsetMs !== undefined) {
    assert.strictEqual(Math.floor(stamp / 1000), now + probe.timestampOffsetMs)
  }
})

layer(OpenObserveDouble.layer(), { excludeTestServices: true })("answers as v0.91.5 was observed to", (it) => {
  for (const file of FILES) {
    for (const probe of fixture<Probe>(file)) {
      it.effect(`${file}: ${probe.probe}`, () => replay(probe))
    }
  }

  for (const { steps, stored } of fixture<TypeProbe>("types")) {
    it.effect(`types: ${steps.map((step) => JSON.stringify(step)).join(" then ")}`, () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const stream = `probe_${++streams}`
        const start = (yield* Clock.currentTimeMillis) * 1000
        let sent = 0
        for (const step of steps) {
          const records = step.map((record) => ({ _timestamp: start + sent++, ...record as object }))
          const reply = yield* call(`${double.url}/api/default/${stream}/_json`, {
            headers: { authorization: double.authorization },
            body: JSON.stringify(records)
          })
          assert.strictEqual(
            reply.body,
            `{"code":200,"status":[{"name":"${stream}","successful":${step.length},"failed":0}]}`
          )
        }
        const records = yield* double.records(stream)
        assert.deepEqual(records.map(({ _timestamp, ...fields }) => fields), stored)
      }))
  }
})
