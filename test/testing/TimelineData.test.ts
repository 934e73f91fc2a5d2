/** What the page says about a run: which things, when, of which call. */
import { assert, describe, it } from "@effect/vitest"
import { pageData } from "../../src/testing/timeline/PageData.ts"
import {
  call,
  EXTENSION,
  invoke,
  line,
  manyCalls,
  phase,
  registration,
  request,
  requestId,
  runOf,
  runtimeNext,
  START,
  twoCalls
} from "../support/timelineRuns.ts"

const shapes = (data: ReturnType<typeof pageData>, ...wanted: ReadonlyArray<string>) =>
  data.entries.filter(({ shape }) => wanted.includes(shape)).map(({ calls, from, shape, until }) => ({
    shape,
    from,
    until,
    calls
  }))

describe("the data of a page", () => {
  it("counts time from the first thing that happened", () => {
    const data = pageData(twoCalls())
    assert.strictEqual(data.began, START)
    assert.strictEqual(data.end, 260)
    assert.deepStrictEqual(data.generations, [{ number: 1, from: 0, until: 260 }])
    assert.deepStrictEqual(
      data.entries.map(({ from }) => from),
      data.entries.map(({ from }) => from).toSorted((a, b) => a - b)
    )
  })

  it("tells the function's part of a call from the extension's", () => {
    const data = pageData(twoCalls())
    assert.deepStrictEqual(shapes(data, "runs", "works", "waits", "flush"), [
      { shape: "runs", from: 110, until: 120, calls: [0] },
      { shape: "works", from: 110, until: 120, calls: [0] },
      { shape: "waits", from: 120, until: 130, calls: [0] },
      { shape: "flush", from: 130, until: 150, calls: [0] },
      { shape: "runs", from: 160, until: 170, calls: [1] },
      { shape: "works", from: 160, until: 170, calls: [1] },
      { shape: "flush", from: 170, until: 200, calls: [1] }
    ])
    assert.deepStrictEqual(data.calls.map(({ extensionMs, functionMs }) => ({ extensionMs, functionMs })), [
      { functionMs: 10, extensionMs: 30 },
      { functionMs: 10, extensionMs: 30 }
    ])
  })

  it("claims no end that did not come: of a function that timed out, and of an extension that did", () => {
    const data = pageData(runOf({
      phases: [
        invoke(0, 0, 3000, { outcome: "timeout" }),
        invoke(1, 4000, 7000, { outcome: "timeout", generation: 2 })
      ],
      calls: [registration(-50), { ...runtimeNext(4100), generation: 2 }]
    }))
    const bad = data.entries.filter(({ tone }) => tone === "bad").map(({ shape, text }) => `${shape}: ${text}`)
    assert.deepStrictEqual(bad, [
      `invoke: invoke ${requestId(0)}: timeout`,
      "runs: the function runs and does not come to an end",
      "works: the extension works beside the function and does not ask for the next event",
      `invoke: invoke ${requestId(1)}: timeout`,
      "flush: the extension delivers and does not ask for the next event"
    ])
    assert.deepStrictEqual(data.calls.map(({ extensionMs, functionMs }) => [functionMs, extensionMs]), [
      [undefined, undefined],
      [100, undefined]
    ])
  })

  it("knows no work of an extension that did not ask for INVOKE", () => {
    const data = pageData(runOf({
      phases: [invoke(0, 0, 50)],
      calls: [
        call(-10, "/2020-01-01/extension/register", { extension: EXTENSION, body: "{\"events\":[\"SHUTDOWN\"]}" }),
        runtimeNext(40)
      ]
    }))
    assert.deepStrictEqual(shapes(data, "works", "waits", "flush"), [])
  })

  it("gives a thing to the calls that it names, or else to the one that was running", () => {
    const data = pageData(runOf({
      phases: [invoke(0, 0, 50), invoke(1, 100, 150)],
      output: [line(110, `late line of ${requestId(0)}`), line(120, "nameless"), line(80, "between")]
    }, {
      requests: [request(120, `${requestId(1)} ${requestId(0)} ${requestId(7)}`), request(130, "[]")],
      records: [{ record: "x", requestid: requestId(1) }, { record: `${requestId(0)} y` }, { record: "z" }]
    }))
    assert.deepStrictEqual(shapes(data, "line").map(({ calls }) => calls), [[], [0], [1]])
    assert.deepStrictEqual(shapes(data, "request").map(({ calls }) => calls), [[0, 1], [1]])
    assert.deepStrictEqual(data.records.map(({ calls }) => calls), [[1], [0], []])
  })

  it("gives overlapping calls a row each, and what happens meanwhile to all of them", () => {
    const data = pageData(runOf({
      phases: [invoke(0, 0, 100), invoke(1, 10, 40), invoke(2, 50, 90)],
      calls: [
        call(30, `/2018-06-01/runtime/invocation/${requestId(1)}/response`, { method: "POST" }),
        call(80, `/2018-06-01/runtime/invocation/${requestId(0)}/response`, { method: "POST" })
      ],
      output: [line(60, "nameless")]
    }))
    assert.deepStrictEqual(data.entries.filter(({ shape }) => shape === "invoke").map(({ row }) => row), [0, 1, 1])
    assert.deepStrictEqual(shapes(data, "line")[0]?.calls, [0, 2])
    assert.deepStrictEqual(data.calls.slice(0, 2).map(({ functionMs }) => functionMs), [80, 20])
  })

  it("folds the time in which nothing happened, but no function that sleeps", () => {
    const data = pageData(runOf({
      phases: [phase("init", 0, 200), invoke(0, 100_000, 103_000), invoke(1, 103_100, 103_200)],
      freezes: [{ generation: 1, from: START + 200, until: START + 100_000 }]
    }))
    const folded = data.axis.filter(([, , isFolded]) => isFolded === 1)
    assert.strictEqual(folded.length, 1)
    const [from = 0, until = 0] = folded[0] ?? []
    assert.isAtLeast(from, 200)
    assert.isAtMost(until, 100_000)
    assert.isAbove(until - from, 99_000)
    assert.strictEqual(data.axis[0]?.[0], 0)
    assert.strictEqual(data.axis.at(-1)?.[1], 103_200)
    for (const [index, stretch] of data.axis.slice(1).entries()) assert.strictEqual(stretch[0], data.axis[index]?.[1])
  })

  it("shows what goes on as going on", () => {
    const data = pageData(
      runOf({ phases: [invoke(0, 0, undefined, { outcome: "running" })], output: [line(70, "x")] }, {
        requests: [request(50, "", { status: "hang", answeredAt: undefined })]
      })
    )
    assert.strictEqual(data.end, 70)
    assert.deepStrictEqual(shapes(data, "invoke", "request").map(({ until }) => until), [undefined, undefined])
    assert.isFalse(data.calls[0]?.isGood)
    assert.strictEqual(data.entries.find(({ shape }) => shape === "invoke")?.tone, "plain")
  })

  it("names the columns that all records have alike once", () => {
    const records = [{ a: 1, b: "x", faas: "f" }, { a: 2, b: "y", faas: "f" }, { a: 3, b: "z" }]
    const data = pageData(runOf({}, { records }))
    assert.deepStrictEqual(data.common, [["faas", "f"]])
    assert.deepStrictEqual(data.records.map(({ columns }) => columns), [
      [["a", "1"], ["b", "x"]],
      [["a", "2"], ["b", "y"]],
      [["a", "3"], ["b", "z"]]
    ])
  })

  it("takes the ledgers that the extension has closed, and adds them up", () => {
    const ledger = (delivered: number, reason?: string) =>
      JSON.stringify({
        extension: EXTENSION,
        message: "ledger",
        reason,
        received: 9,
        replayed: 1,
        delivered,
        rejected: { poison: 1 },
        dropped: {},
        spilled: 2
      })
    const own = { source: EXTENSION }
    const { ledgers } = pageData(runOf({
      output: [
        line(0, ledger(1), own),
        line(1, ledger(7, "timeout"), own),
        line(2, ledger(6, "spindown"), { ...own, generation: 2 }),
        line(3, ledger(5, "not of an extension")),
        line(4, "{\"ledger\"", own)
      ]
    }))
    assert.deepStrictEqual(ledgers.map(({ addsUp, caption }) => ({ addsUp, caption })), [
      { addsUp: true, caption: `${EXTENSION}, generation 1` },
      { addsUp: false, caption: `${EXTENSION}, generation 2` }
    ])
    assert.deepStrictEqual(ledgers[0]?.rows.find(([name]) => name === "rejected, poison"), ["rejected, poison", "1"])
    const given = pageData(runOf({}, { ledger: { received: 2, delivered: 2 } })).ledgers
    assert.deepStrictEqual(given, [{ addsUp: true, caption: "Ledger", rows: [["received", "2"], ["delivered", "2"]] }])
  })

  it("counts what it leaves out of a very long run", () => {
    const data = pageData(manyCalls(4000))
    assert.strictEqual(data.entries.length, 30_000)
    assert.isAbove(data.omitted.entries, 1000)
    assert.strictEqual(data.omitted.records, 0)
  })

  it("has nothing to say of a run in which nothing happened", () => {
    const data = pageData(runOf({}))
    assert.deepStrictEqual([data.entries, data.calls, data.axis, data.lanes, data.ledgers], [[], [], [], [], []])
  })
})
