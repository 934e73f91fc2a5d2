import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { settings } from "../../../src/config/Settings.ts"
import type { Batch } from "../../../src/delivery/Batch.ts"
import type { Destination } from "../../../src/delivery/Destination.ts"
import { MAX_COLUMNS } from "../../../src/openobserve/ColumnCounter.ts"
import * as LogsDestination from "../../../src/openobserve/LogsDestination.ts"
import { bodyOf, textsOf } from "../../support/bodyFixtures.ts"
import { objectOf, recordOf } from "../../support/columnBatches.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"

const destinationOf = (env: Readonly<Record<string, string>> = {}) =>
  ExtensionConfig.useSync(LogsDestination.make).pipe(
    Effect.provide(
      ExtensionConfig.layerEnv({ O2_ORGANIZATION_ID: "org", O2_AUTHORIZATION_HEADER: "Basic eDp5", ...env })
    )
  )
const makeDestination = destinationOf()

const NOW = Date.UTC(2026, 10, 22)

/** A batch of these lines, which may have too many columns. */
const wideBatch = (destination: Destination, lines: ReadonlyArray<string>): Batch => ({
  destination,
  id: 1,
  tally: { records: lines.length, bytes: 1 },
  oldestTimestamp: NOW * 1000,
  body: bodyOf(lines.map((line, index) => recordOf(NOW * 1000 + index, line))),
  coding: "identity",
  isWide: true
})

/** Lines that have keys of their own in an object of this name. */
const ownLines = (length: number, member = "data") =>
  Array.from(
    { length },
    (_, index) => `{"level":"INFO",${JSON.stringify(member)}:${objectOf(`secret${index}`, 100)}}`
  )

const prepared = (destination: Destination, lines: ReadonlyArray<string>) =>
  destination.prepare(wideBatch(destination, lines), NOW) ?? Effect.die("nothing to prepare")

const DROPPED = { _tag: "Divide", detail: "dropped", reason: "unaccounted" } as const

describe("destinations of routes", () => {
  it.effect("are called like no other: a file that was spilled finds its stream again", () =>
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const streams = ["logs", "platform", "audit", "a/b", "a%2Fb"]
      const names = [
        LogsDestination.make(config),
        LogsDestination.makePlatform(config),
        ...streams.map((stream) => LogsDestination.makeRoute(config, stream))
      ].map((destination) => destination?.name)
      assert.strictEqual(new Set(names).size, names.length)
    }).pipe(Effect.provide(ExtensionConfig.layerEnv({
      O2_ORGANIZATION_ID: "org",
      O2_AUTHORIZATION_HEADER: "Basic eDp5",
      O2_PLATFORM_STREAM: "events"
    }))))
})

describe("LogsDestination", () => {
  it.effect("sends JSON with the credentials to the stream", () =>
    Effect.gen(function*() {
      const { headers, probe, url } = yield* makeDestination
      assert.strictEqual(url.href, "https://api.openobserve.ai/api/org/default/_json")
      assert.deepEqual(headers(), { "authorization": "Basic eDp5", "content-type": "application/json" })
      assert.strictEqual(String(probe), "[]")
    }))

  it.effect("holds the credentials hidden until they are sent", () =>
    Effect.gen(function*() {
      assert.notInclude(JSON.stringify(yield* makeDestination), "eDp5")
    }))

  describe("columns", () => {
    it.effect("are as many as the setting says, unset as many as every server takes", () =>
      Effect.gen(function*() {
        assert.strictEqual(settings.maxColumns.fallback, String(MAX_COLUMNS))
        assert.strictEqual((yield* makeDestination).maxColumns, MAX_COLUMNS)
        assert.strictEqual((yield* destinationOf({ O2_MAX_COLUMNS: "900" })).maxColumns, 900)
      }))

    it.effect("rule how a batch is divided", () =>
      Effect.gen(function*() {
        const lines = ownLines(4)
        for (const [columns, sizes] of [["190", [1, 1, 1, 1]], ["250", [2, 2]], ["900", [4]]] as const) {
          const parts = yield* prepared(yield* destinationOf({ O2_MAX_COLUMNS: columns }), lines)
          assert.deepEqual(parts.map(({ records }) => records), [...sizes])
        }
      }))

    it.effect("are fewer than the setting says for a record that the server has dropped", () =>
      Effect.gen(function*() {
        const destination = yield* destinationOf({ O2_MAX_COLUMNS: "1000" })
        const line = objectOf("key", 300)
        const [part] = (yield* destination.rewrite(wideBatch(destination, [line]), DROPPED, NOW)) ?? []
        assert.deepEqual(textsOf(part!.body), [recordOf(NOW * 1000, JSON.stringify(line))])
        assert.isUndefined(yield* destination.rewrite(wideBatch(destination, [line, line]), DROPPED, NOW))
      }))
  })

  describe("a warning", () => {
    it.effect("says what was collapsed, and what to do, without what was logged", () => {
      const log = makeCapturedLog()
      return Effect.gen(function*() {
        const parts = yield* prepared(yield* makeDestination, ownLines(60))
        assert.deepEqual(parts.map(({ records }) => records), [60])
        assert.deepEqual(log.entries, [{
          level: "Warn",
          message: "too many different keys for a few requests: objects are sent as strings of their JSON text",
          fields: {
            count: 60,
            member: "record.data",
            columns: 6000,
            records: 60,
            remedy:
              "log fewer different keys, or raise O2_MAX_COLUMNS where the server takes more columns (ZO_COLS_PER_RECORD_LIMIT)"
          }
        }])
        assert.notInclude(JSON.stringify(log.entries), "secret")
      }).pipe(Effect.provide(log.layer))
    })

    it.effect("comes once a minute at most", () => {
      const log = makeCapturedLog()
      return Effect.gen(function*() {
        const destination = yield* makeDestination
        const counts: Array<unknown> = []
        for (let time = 0; time < 4; time++) {
          yield* prepared(destination, ownLines(10))
          yield* TestClock.adjust("30 seconds")
          counts.push(log.entries.map(({ fields }) => fields["count"]))
        }
        assert.deepEqual(counts, [[10], [10], [10, 20], [10, 20]])
      }).pipe(Effect.provide(log.layer))
    })

    it.effect("is not needed where a batch is only divided", () => {
      const log = makeCapturedLog()
      return Effect.gen(function*() {
        yield* prepared(yield* makeDestination, ownLines(4))
        assert.deepEqual(log.entries, [])
      }).pipe(Effect.provide(log.layer))
    })

    it.effect("names no more than the beginning of a long path", () => {
      const log = makeCapturedLog()
      return Effect.gen(function*() {
        yield* prepared(yield* makeDestination, ownLines(10, `${"x".repeat(92)}😀${"y".repeat(500)}`))
        assert.strictEqual(log.entries[0]?.fields["member"], `record.${"x".repeat(92)}\ufffd`)
      }).pipe(Effect.provide(log.layer))
    })
  })
})
