/** What servers and platforms say stands in our log short, in one line, and without the credentials they quote. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, complaints, ended } from "./books.ts"
import { eventually, withSandbox } from "./sandbox.ts"

/** A line with everything around such a text. */
const MAX_LINE_LENGTH = 1200

const AUTHORIZATION = "Basic cm9vdEBleGFtcGxlLmNvbTpDb21wbGV4cGFzcyMxMjM="
const [, TOKEN = ""] = AUTHORIZATION.split(" ")
const CREDENTIALS = "root@example.com:Complexpass#123"

const status = (more: object) =>
  JSON.stringify({ code: 200, status: [{ name: "default", successful: 0, failed: 4, ...more }] })

describe("foreign texts", () => {
  const answers: ReadonlyArray<readonly [what: string, fault: Parameters<typeof Fault.Answer>[0], shown: RegExp]> = [
    ["an error of 500 000 characters", { status: 200, body: status({ error: "e".repeat(500_000) }) }, /^e{300}$/],
    ["an error in emoji", { status: 200, body: status({ error: "x" + "😀".repeat(100_000) }) }, /^x😀+\ufffd?$/u],
    ["a page", { status: 500, body: `<html>${"<p>sorry</p>".repeat(10_000)}` }, /^HTTP 500: <html>(<p>|sorry)/],
    ["a page that moves the cursor", { status: 500, body: "\u001b[2J\r\ngone" }, /gone/],
    ["credentials", { status: 401, body: `no ${AUTHORIZATION} for ${CREDENTIALS}` }, /no \*\*\* for \*\*\*/],
    [
      "percent-encoded credentials",
      { status: 401, body: `/login?a=${encodeURIComponent(AUTHORIZATION)}&u=${encodeURIComponent(CREDENTIALS)}` },
      /a=\*\*\*&u=\*\*\*$/
    ],
    [
      "credentials in base64",
      { status: 401, body: `token ${TOKEN.replace(/=+$/, "")}, ${Buffer.from(AUTHORIZATION).toString("base64")}` },
      /token \*\*\*, \*\*\*$/
    ],
    [
      "credentials in JSON",
      { status: 401, body: JSON.stringify({ header: AUTHORIZATION, user: CREDENTIALS }) },
      /\*\*\*/
    ],
    ["credentials in an error", { status: 200, body: status({ error: `bad ${TOKEN}` }) }, /^bad \*\*\*$/],
    [
      "a script's address",
      { status: 307, headers: { location: `javascript:alert("${TOKEN}")` } },
      /begins with javascript:$/
    ],
    ["data's address", { status: 307, headers: { location: "data:text/html,<script>" } }, /begins with data:$/],
    [
      "a long address",
      { status: 307, headers: { location: `https://elsewhere.test/${"x".repeat(5000)}?token=${TOKEN}` } },
      /HTTP 307 to https:\/\/elsewhere\.test\/x+$/
    ],
    [
      "an address with our password",
      {
        status: 307,
        headers: { location: `https://${encodeURIComponent(CREDENTIALS)}@elsewhere.test/${encodeURIComponent(TOKEN)}` }
      },
      /HTTP 307 to https:\/\/elsewhere\.test\/\*\*\*$/
    ]
  ]
  for (const [what, fault, shown] of answers) {
    it.live(`are cut and without secrets: ${what}`, () =>
      withSandbox({}, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.openObserve.setFault(Fault.Answer(fault))
          yield* sandbox.invoke({ lines: ["kept"] })
          const [told] = yield* eventually(Effect.map(sandbox.ownLines, complaints), (lines) => lines.length > 0)
          const text = String(told?.["cause"] ?? told?.["reason"])
          assert.match(text, shown)
          assert.isAtMost(text.length, 320)
          yield* ended(sandbox)
          for (const { line } of yield* sandbox.emulator.output) assert.isAtMost(line.length, MAX_LINE_LENGTH)
          yield* assertNoSecrets(sandbox)
        })))
  }
})
