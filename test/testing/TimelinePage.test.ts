/** What the page may never be: dangerous, indiscreet, endless, dependent on anything. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { renderTimeline } from "../../src/testing/timeline/renderTimeline.ts"
import type { TimelineRun } from "../../src/testing/timeline/Run.ts"
import {
  AUTHORIZATION,
  call,
  hostileLines,
  hostileRun,
  invoke,
  line,
  PASSWORD,
  request,
  requestId,
  runOf,
  twoCalls
} from "../support/timelineRuns.ts"

interface Embedded {
  readonly title: string
  readonly entries: ReadonlyArray<{ readonly text: string; readonly details: ReadonlyArray<readonly [string, string]> }>
  readonly records: ReadonlyArray<{ readonly text: string }>
}

const dataOf = (page: string): Embedded =>
  JSON.parse(/<script type="application\/json" id="run">([^<]*)<\/script>/.exec(page)?.[1] ?? "") as Embedded

/** The page without its own program and style. */
const foreignOf = (page: string): string =>
  page.replace(/<style>[^]*?<\/style>/, "").replace(/<script>[^]*?<\/script>/, "")

describe("a page about strangers' texts", () => {
  it("has no markup in it that is not its own", () => {
    const tags = (run: TimelineRun) => new Set(foreignOf(renderTimeline(run)).match(/<[a-z/!][^\s>]*/gi))
    assert.deepStrictEqual(tags(hostileRun()), tags(twoCalls()))
    assert.strictEqual(renderTimeline(hostileRun()).match(/<\/script/gi)?.length, 2)
  })

  it("is text alone: nothing that could steer a terminal, an editor or a reader", () => {
    const page = renderTimeline(hostileRun())
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    assert.notMatch(page, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
    assert.isTrue(page.isWellFormed())
  })

  it("says what the line said", () => {
    const texts = dataOf(renderTimeline(hostileRun())).entries.map(({ text }) => text)
    assert.include(texts, hostileLines[0])
    assert.include(texts, "a\u27e8U+2028\u27e9b\u27e8U+2029\u27e9c")
    assert.include(texts, "\u241b[31mred\u241b[0m\u241b]0;title\u2407\u240d\u2400")
    assert.include(texts, "lone \ufffd surrogates \ufffd")
  })

  it("leaves letters, emoji, tabs and line breaks alone", () => {
    const text = "Zahlung bestätigt ✅\n\t支払い完了 👩‍💻 Η πληρωμή"
    assert.include(dataOf(renderTimeline(runOf({ output: [line(0, text)] }))).entries.map(({ text }) => text), text)
  })

  it("stands whatever is written", () => {
    FastCheck.assert(FastCheck.property(FastCheck.string({ unit: "binary" }), (text) => {
      const page = renderTimeline(runOf({ output: [line(0, text)] }, { title: text, records: [{ record: text }] }))
      assert.strictEqual(page.match(/<\/?script/gi)?.length, 4)
      assert.strictEqual(dataOf(page).entries.length, 1)
    }))
  })

  it("cuts long texts and says by how much", () => {
    const mebibyte = "🎉".repeat(2 ** 19)
    const page = renderTimeline(runOf({ output: [line(0, `x${mebibyte}`)] }, {
      requests: [request(1, mebibyte, { answer: mebibyte })],
      records: [{ record: mebibyte, other: mebibyte }]
    }))
    assert.isBelow(page.length, 100_000)
    assert.match(dataOf(page).entries[0]?.text ?? "", /^x(?:🎉){499} … 1,047,578 more characters$/u)
    assert.match(dataOf(page).records[0]?.text ?? "", / … 1,047,576 more characters$/)
  })

  it("asks for nothing from anywhere, and lets nothing in it do so", () => {
    const page = renderTimeline(hostileRun())
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? ""
    assert.match(
      policy,
      /^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; base-uri 'none'; form-action 'none'$/
    )
    assert.notMatch(foreignOf(page).split("id=\"run\"")[0] ?? "", / (?:src|href)="(?!#)/)
    assert.notMatch(page.split("<style>")[1]?.split("</style>")[0] ?? "", /url\(|@import/)
  })
})

describe("a page about a server with a password", () => {
  const secrets = [PASSWORD, AUTHORIZATION, AUTHORIZATION.slice("Basic ".length)]

  it("has no credentials in it, in heads or wherever else they stand", () => {
    const everywhere = secrets.join(" and ")
    const page = renderTimeline(runOf({
      phases: [invoke(0, 0, 100)],
      calls: [call(5, `/${everywhere}`, { body: everywhere, headers: { "x-other": everywhere } })],
      output: [line(10, everywhere), line(11, JSON.stringify({ header: everywhere }))]
    }, {
      title: everywhere,
      requests: [request(20, everywhere, { answer: everywhere, path: `/?q=${encodeURIComponent(PASSWORD)}` })],
      records: [{ record: everywhere, column: everywhere }],
      ledger: { received: 0, delivered: 0, note: everywhere }
    }))
    for (const secret of [...secrets, encodeURIComponent(PASSWORD)]) assert.notInclude(page, secret)
    assert.include(page, "authorization: ••••••")
  })

  it("shows of a head only what is known to be harmless", () => {
    const headers = {
      "content-type": "application/json",
      cookie: "session=c0ffee-c0ffee",
      "x-api-key": "k3y-k3y-k3y",
      "proxy-authorization": "Bearer b34rer-b34rer",
      "lambda-extension-identifier": requestId(99),
      "x-new": "who knows"
    }
    const path = "/api?token=t0ken-t0ken&from=1&X-Amz-Signature=s1gn"
    const page = renderTimeline(
      runOf({ calls: [call(0, path, { headers })] }, { requests: [request(1, "[]", { headers, path })] })
    )
    for (const secret of ["c0ffee", "k3y-k3y", "b34rer", requestId(99), "who knows", "t0ken", "s1gn"]) {
      assert.notInclude(page, secret)
    }
    const [, head = ""] = dataOf(page).entries[1]?.details.find(([name]) => name === "head") ?? []
    assert.include(head, "content-type: application/json")
    assert.include(head, "cookie: ••••••")
    assert.include(page, "token=••••••\\u0026from=1")
  })

  it("knows the value of such a header where no head had it", () => {
    const lines = [
      `O2_AUTHORIZATION_HEADER=${AUTHORIZATION}`,
      "bearer a1b2c3d4e5f6g7",
      "Basic knowledge, and bearer instruments"
    ]
    const page = renderTimeline(runOf({ output: lines.map((text, index) => line(index, text)) }))
    assert.deepStrictEqual(dataOf(page).entries.map(({ text }) => text), [
      "O2_AUTHORIZATION_HEADER=Basic ••••••",
      "bearer ••••••",
      "Basic knowledge, and bearer instruments"
    ])
  })

  it("masks a secret before it cuts a text, so that no half of one is left", () => {
    const before = "x".repeat(1000 - 5)
    const page = renderTimeline(runOf({ output: [line(0, `${before}${PASSWORD}`)] }, { requests: [request(1, "[]")] }))
    assert.notInclude(page, PASSWORD.slice(0, 5))
  })
})
