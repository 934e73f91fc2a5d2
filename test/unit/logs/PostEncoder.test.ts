import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOW } from "../../support/arbitraries.ts"
import {
  event,
  identity,
  makeEncoder,
  NOW_ISO,
  NOW_MICROS,
  post,
  recordsOf,
  report,
  requestBody,
  start
} from "../../support/encoderFixtures.ts"

const SIX_HOURS_AGO = new Date(NOW - 6 * 3_600_000).toISOString()

describe("PostEncoder", () => {
  it.effect("replaces what is not UTF-8", () =>
    Effect.sync(() => {
      const bytes = Buffer.concat([
        Buffer.from(`[{"time":"${NOW_ISO}","type":"function","record":"a`),
        Buffer.from([0xff, 0xed, 0xa0, 0x80, 0xc3]),
        Buffer.from("b\"}]")
      ])
      const [record] = makeEncoder().records(bytes)
      assert.strictEqual(record?.["record"], new TextDecoder().decode(Buffer.from("61ffeda080c362", "hex")))
    }))

  it.effect("skips a byte order mark", () =>
    Effect.sync(() => {
      const encoded = makeEncoder().encode(`\ufeff${post(event("function", "x"))}`)
      assert.strictEqual(encoded.ends.length, 1)
      assert.strictEqual(encoded.malformed, 0)
    }))

  it.effect("sends a value of 100 000 brackets as the string that OpenObserve would make of it", () =>
    Effect.sync(() => {
      const brackets = "[".repeat(100_000) + "]".repeat(100_000)
      const encoded = makeEncoder().encode(`[{"time":"${NOW_ISO}","type":"platform.start","record":${brackets}}]`)
      requestBody(encoded)
      assert.strictEqual(recordsOf(encoded)[0]?.["record"], brackets)
    }))

  it.effect("counts 100 000 brackets without an end", () =>
    Effect.sync(() => {
      const encoded = makeEncoder().encode(`[${"{\"a\":[".repeat(100_000)}`)
      assert.strictEqual(encoded.ends.length, 0)
      assert.strictEqual(encoded.malformed, 1)
    }))

  it.effect("keeps a line of 1 MiB", () =>
    Effect.sync(() => {
      const text = "x\"\n".repeat(350_000)
      const [record] = makeEncoder().records(post(event("function", text)))
      assert.strictEqual(record?.["record"], text)
    }))

  it.effect("copies the bytes of record and type untouched", () =>
    Effect.sync(() => {
      const { bytes } = makeEncoder().encode(
        `[ {"time":"${NOW_ISO}" ,"type" : "function","record":{"n":1.50, "e":1e400,"u":"\\u00e9"}} ]`
      )
      assert.strictEqual(
        bytes.toString(),
        `{"_timestamp":${NOW_MICROS},"type" : "function","record":{"n":1.50, "e":1e400,"u":"\\u00e9"}},`
      )
    }))

  it.effect("leaves a post empty that has no events", () =>
    Effect.sync(() => {
      const { bytes, ends, malformed, oldestTimestamp } = makeEncoder().encode("[]")
      assert.deepEqual({ bytes: bytes.length, ends, malformed, oldestTimestamp }, {
        bytes: 0,
        ends: [],
        malformed: 0,
        oldestTimestamp: Infinity
      })
    }))

  it.effect("puts the time of receipt beside a time that OpenObserve would refuse", () =>
    Effect.sync(() => {
      const [record] = makeEncoder().records(post(event("function", "x", SIX_HOURS_AGO)))
      assert.include(record, { _timestamp: NOW_MICROS, time: SIX_HOURS_AGO })
    }))

  it.effect("numbers the events of a millisecond across posts", () =>
    Effect.sync(() => {
      const encoder = makeEncoder()
      const line = event("function", "x")
      const timestamps = [...encoder.records(post(line, line)), ...encoder.records(post(line))]
      assert.deepEqual(timestamps.map(({ _timestamp }) => Number(_timestamp) - NOW_MICROS), [0, 1, 2])
    }))

  describe("request ids", () => {
    const idsOf = (records: ReadonlyArray<Record<string, unknown>>) =>
      records.filter(({ type }) => type === "function").map(({ requestId }) => requestId)

    it.effect("are those of the invocation in whose stream a line stands", () =>
      Effect.sync(() => {
        const line = event("function", "x")
        const encoder = makeEncoder()
        assert.deepEqual(idsOf(encoder.records(post(line, start("a"), line))), [undefined, "a"])
        assert.deepEqual(idsOf(encoder.records(post(line, start("b"), report("a"), line, report("b"), line))), [
          "a",
          "b",
          undefined
        ])
      }))

    it.effect("are known even when platform events are not sent", () =>
      Effect.sync(() => {
        const encoder = makeEncoder({ types: new Set(["function"]) })
        assert.deepEqual(idsOf(encoder.records(post(start("a"), event("function", "x")))), ["a"])
      }))

    it.effect("come from the line itself on Managed Instances", () =>
      Effect.sync(() => {
        const encoder = makeEncoder({ isManagedInstance: true })
        const lines = [{ requestId: "b" }, { AWSRequestId: "c" }, "text", { requestId: 5 }]
        assert.deepEqual(
          idsOf(encoder.records(post(start("a"), ...lines.map((record) => event("function", record))))),
          ["b", "c", undefined, undefined]
        )
      }))
  })

  describe("metadata", () => {
    it.effect("names function, version, instance, region, account and cold start", () =>
      Effect.sync(() => {
        const encoder = makeEncoder({ hasMetadata: true })
        encoder.identify()
        const [, first, , second] = encoder.records(post(
          event("platform.initStart", { instanceId: "i-1" }),
          event("function", "x"),
          start("a"),
          start("b")
        ))
        assert.include(first, {
          faas_name: identity.functionName,
          faas_version: "$LATEST",
          faas_instance: "i-1",
          faas_coldstart: true,
          cloud_region: "eu-west-1",
          cloud_account_id: "123456789012"
        })
        assert.include(second, { faas_coldstart: false })
      }))

    it.effect("yields to a member of the event that ends up in the same column", () =>
      Effect.sync(() => {
        const encoder = makeEncoder({ hasMetadata: true })
        encoder.identify()
        const [record] = encoder.records(post({ ...event("custom", 1), "FAAS.name": "mine" }))
        assert.isUndefined(record?.["faas_name"])
        assert.strictEqual(record?.["FAAS.name"], "mine")
      }))

    it.effect("calls the first call after a restored snapshot a cold start", () =>
      Effect.sync(() => {
        const encoder = makeEncoder({ hasMetadata: true })
        const records = encoder.records(post(start("a"), start("b"), event("platform.restoreStart", {}), start("c")))
        assert.deepEqual(records.map((record) => record["faas_coldstart"]), [true, false, true, true])
      }))

    it.effect("names a sandbox as CloudWatch does where the stream does not say, and by an id of its own where nobody does", () =>
      Effect.sync(() => {
        const nameOf = (options: Parameters<typeof makeEncoder>[0], ...events: ReadonlyArray<unknown>) =>
          makeEncoder({ hasMetadata: true, ...options }).records(post(...events, start("a"))).at(-1)?.["faas_instance"]
        const logStreamName = "2026/11/22/[$LATEST]9f8e"
        const told = event("platform.initStart", { instanceId: "i-1" })
        const untold = event("platform.initStart", {})
        assert.strictEqual(nameOf({ logStreamName }, told), "i-1")
        assert.strictEqual(nameOf({ logStreamName }, untold), logStreamName)
        assert.strictEqual(nameOf({}, untold), "an id of its own")
        assert.strictEqual(nameOf({}), "an id of its own")
      }))

    it.effect("does not call a restored sandbox like the snapshot where the restore is not told", () =>
      Effect.sync(() => {
        let made = 0
        const encoder = makeEncoder({ hasMetadata: true, isSnapStart: true, newInstanceId: () => `own ${++made}` })
        const records = encoder.records(post(
          event("platform.initStart", {}),
          start("a"),
          event("platform.initStart", { instanceId: "snapshot" }),
          start("b")
        ))
        assert.deepEqual(records.map((record) => record["faas_instance"]), ["own 1", "own 2", "own 2", "own 2"])
      }))

    it.effect("names the restored sandbox after a restore, and not the snapshot", () =>
      Effect.sync(() => {
        let made = 0
        const encoder = makeEncoder({ hasMetadata: true, newInstanceId: () => `own ${++made}` })
        const records = encoder.records(post(
          event("platform.initStart", { instanceId: "snapshot" }),
          event("platform.restoreStart", {}),
          start("a"),
          event("platform.restoreStart", { instanceId: "restored" }),
          event("platform.initStart", { instanceId: "snapshot" }),
          start("b")
        ))
        assert.deepEqual(
          records.map((record) => record["faas_instance"]),
          ["snapshot", "own 1", "own 1", "restored", "restored", "restored"]
        )
      }))
  })

  it.effect("leaves out its own lines but no other extension's", () =>
    Effect.sync(() => {
      const own = "{\"extension\":\"o2-lambda-extension\",\"message\":\"m\"}"
      const encoder = makeEncoder({ types: new Set(["extension"]) })
      const records = encoder.records(post(
        event("extension", own),
        event("extension", JSON.parse(own)),
        event("extension", "another"),
        event("function", "not asked for")
      ))
      assert.deepEqual(records.map(({ record }) => record), ["another"])
    }))
})
