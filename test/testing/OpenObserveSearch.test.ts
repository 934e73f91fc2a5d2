import { assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { call } from "./OpenObserveClient.ts"

interface Answer {
  readonly hits: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly total: number
  readonly code: number
  readonly message: string
}

const search = Effect.fnUntraced(function*(sql: string, more: Readonly<Record<string, unknown>> = {}, secret?: string) {
  const double = yield* OpenObserveDouble
  const now = (yield* Clock.currentTimeMillis) * 1000
  const hour = 3_600_000_000
  const reply = yield* call(`${double.url}/api/default/_search?type=logs`, {
    headers: { authorization: secret ?? double.authorization, "content-type": "application/json" },
    body: JSON.stringify({ query: { sql, start_time: now - 6 * hour, end_time: now + hour, ...more } })
  })
  return { ...reply, json: reply.body.startsWith("{") ? JSON.parse(reply.body) as Answer : undefined }
})

/** Fills a stream of its own with the given records, one microsecond apart. */
const fill = Effect.fnUntraced(function*(stream: string, records: ReadonlyArray<object>) {
  const double = yield* OpenObserveDouble
  const start = (yield* Clock.currentTimeMillis) * 1000
  yield* call(`${double.url}/api/default/${stream}/_json`, {
    headers: { authorization: double.authorization },
    body: JSON.stringify(records.map((record, i) => ({ _timestamp: start + i, ...record })))
  })
  return start
})

const LEVELS = [{ m: "a", level: "INFO", n: 1 }, { m: "b", level: "WARN", n: 2 }, { m: "c", level: "INFO", n: 3 }]

layer(OpenObserveDouble.layer(), { excludeTestServices: true })("OpenObserveDouble _search", (it) => {
  const rows: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    ["select * from \"levels\"", ["c", "b", "a"]],
    ["SELECT * FROM levels ORDER BY _timestamp", ["a", "b", "c"]],
    ["select * from \"levels\" order by _timestamp desc", ["c", "b", "a"]],
    ["select m from \"levels\" order by n asc limit 2", ["a", "b"]],
    ["select * from \"levels\" where level = 'INFO'", ["c", "a"]],
    ["select * from \"levels\" where level = 'INFO' and m != 'a'", ["c"]],
    ["select * from \"levels\" where n > 1 and n <= 2;", ["b"]],
    ["select * from \"levels\" where n >= 2 and n < 3", ["b"]],
    ["select * from \"levels\" where nothing = 'x'", []]
  ]
  for (const [sql, expected] of rows) {
    it.effect(sql, () =>
      Effect.gen(function*() {
        if ((yield* (yield* OpenObserveDouble).records("levels")).length === 0) yield* fill("levels", LEVELS)
        const { json } = yield* search(sql)
        assert.deepEqual(json?.hits.map(({ m }) => m), expected)
        assert.strictEqual(json?.total, expected.length)
      }))
  }

  it.effect("adds up, and cannot any more when one text has made text of the column", () =>
    Effect.gen(function*() {
      yield* fill("sums", LEVELS)
      assert.deepStrictEqual((yield* search("select sum(n) as s from \"sums\"")).json?.hits, [{ s: 6 }])
      yield* fill("sums", [{ m: "d", n: "many" }])
      const refused = yield* search("select sum(n) as s from \"sums\"")
      assert.deepStrictEqual([refused.status, refused.json?.code], [400, 20008])
      const greater = yield* search("select m from \"sums\" where n > 1")
      // compared as text
      assert.deepStrictEqual(greater.json?.hits.map(({ m }) => m), ["d", "c", "b"])
    }))

  it.effect("counts", () =>
    Effect.gen(function*() {
      yield* fill("counted", LEVELS)
      assert.deepEqual((yield* search("select count(*) as c from \"counted\"")).json?.hits, [{ c: 3 }])
      assert.deepEqual((yield* search("select count(*) from counted where level = 'INFO'")).json?.hits, [{
        "count(*)": 2
      }])
    }))

  it.effect("takes the start of the time range in and leaves its end out", () =>
    Effect.gen(function*() {
      const start = yield* fill("ranged", LEVELS)
      const { json } = yield* search("select * from \"ranged\"", { start_time: start, end_time: start + 2 })
      assert.deepEqual(json?.hits.map(({ m }) => m), ["b", "a"])
    }))

  it.effect("pages with from and size", () =>
    Effect.gen(function*() {
      yield* fill("paged", LEVELS)
      const { json } = yield* search("select * from \"paged\"", { from: 1, size: 1 })
      assert.deepEqual(json?.hits.map(({ m }) => m), ["b"])
      assert.strictEqual(json?.total, 1)
    }))

  it.effect("returns ties in order of arrival in both directions", () =>
    Effect.gen(function*() {
      const now = (yield* Clock.currentTimeMillis) * 1000
      yield* fill("ties", ["a", "b", "c"].map((m) => ({ _timestamp: now, m })))
      for (const order of ["asc", "desc"]) {
        const { json } = yield* search(`select * from ties order by _timestamp ${order}`)
        assert.deepEqual(json?.hits.map(({ m }) => m), ["a", "b", "c"])
      }
    }))

  it.effect("returns integers beyond 2^53 exactly", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* call(`${double.url}/api/default/big/_json`, {
        headers: { authorization: double.authorization },
        body: "[{\"n\":9007199254740993,\"u64\":18446744073709551615,\"neg\":-9007199254740993}]"
      })
      const { body } = yield* search("select * from big")
      assert.include(body, "\"n\":9007199254740993,\"neg\":-9007199254740993,\"u64\":18446744073709551615}")
    }))

  it.effect("returns at most 500 columns for a star, and any column by name", () =>
    Effect.gen(function*() {
      yield* fill("wide", [Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`k${i}`, i]))])
      const [hit] = (yield* search("select * from wide")).json?.hits ?? []
      assert.strictEqual(Object.keys(hit ?? {}).length, 500)
      assert.deepEqual((yield* search("select k0, k998 from wide")).json?.hits, [{ k0: 0, k998: 998 }])
    }))

  it.effect("says which stream it does not know", () =>
    Effect.gen(function*() {
      const { json, status } = yield* search("select * from \"nowhere\"")
      assert.strictEqual(status, 400)
      assert.strictEqual(json?.code, 20002)
      assert.strictEqual(json?.message, "Search stream not found: nowhere")
    }))

  it.effect("knows an empty stream after a crash", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const headers = { authorization: double.authorization }
      yield* Effect.flip(call(`${double.url}/api/default/crashed/_json`, { headers, body: "[{\"_id\":5}]" }))
      assert.deepEqual((yield* search("select * from crashed")).json?.hits, [])
    }))

  it.effect("refuses SQL it cannot read and a missing time range", () =>
    Effect.gen(function*() {
      for (
        const sql of ["select * from a group by b", "delete from a", "select * from a where b like 'c'", "select ~"]
      ) {
        assert.strictEqual((yield* search(sql)).json?.code, 20001)
      }
      assert.strictEqual((yield* search("select * from levels", { end_time: 0 })).json?.code, 20011)
    }))

  it.effect("takes the password only", () =>
    Effect.gen(function*() {
      const { ingestionAuthorization } = yield* OpenObserveDouble
      const { body, status } = yield* search("select * from levels", {}, ingestionAuthorization)
      assert.strictEqual(`${status} ${body}`, "401 Unauthorized Access")
    }))
})

describe("OpenObserveDouble read routes", () => {
  it.live("list streams and count them", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const get = (path: string) =>
        call(double.url + path, { method: "GET", headers: { authorization: double.authorization } })
      yield* fill("b", LEVELS)
      yield* fill("a", LEVELS)
      const streams = JSON.parse((yield* get("/api/default/streams?type=logs")).body)
      assert.deepEqual(streams.list.map(({ name }: { readonly name: string }) => name), ["a", "b"])
      assert.strictEqual(streams.total, 2)
      assert.strictEqual(JSON.parse((yield* get("/api/default/summary")).body).streams.num_streams, 2)
      assert.strictEqual((yield* get("/api/default/")).headers["x-elastic-product"], "Elasticsearch")
      assert.include((yield* get("/config")).body, "\"version\":\"v0.91.5\"")
    }).pipe(Effect.provide(OpenObserveDouble.layer())))
})
