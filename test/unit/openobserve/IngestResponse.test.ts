import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { Verdict } from "../../../src/delivery/Verdict.ts"
import * as IngestResponse from "../../../src/openobserve/IngestResponse.ts"

type Tag = Verdict["_tag"]

const NOW = Date.UTC(2026, 10, 22, 12)

const read = (
  { body = "", headers = {}, sent = 3, status }: {
    readonly status: number
    readonly body?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly sent?: number
  }
) => IngestResponse.read({ status, headers, body }, sent, NOW)

const counted = (successful: number, failed: number, error?: string) =>
  JSON.stringify({ code: 200, status: [{ name: "default", successful, failed, ...(error && { error }) }] })

const message = (code: number, text: string) => JSON.stringify({ code, message: text })

const TOO_OLD =
  "Too old data, only last 5 hours data can be ingested. Data discarded. You can adjust ingestion max time by setting the environment variable ZO_INGEST_ALLOWED_UPTO=<max_hours>"

describe("IngestResponse", () => {
  describe("a 200 answer", () => {
    const answers: ReadonlyArray<readonly [name: string, body: string, sent: number, stored: number, refused: number]> =
      [
        ["all stored", counted(3, 0), 3, 3, 0],
        ["some refused", counted(1, 2, "Can't parse timestamp"), 3, 1, 2],
        ["all refused", counted(0, 3, TOO_OLD), 3, 0, 3],
        ["less accounted for than sent", counted(1, 1, TOO_OLD), 3, 1, 1],
        ["more stored than sent", counted(5, 0), 3, 3, 0],
        ["more accounted for than sent", counted(2, 5), 3, 2, 1],
        ["an empty batch", counted(0, 0), 0, 0, 0],
        [
          "several streams",
          JSON.stringify({
            code: 200,
            status: [{ name: "a", successful: 1, failed: 0 }, { name: "b", successful: 1, failed: 1, error: "e" }]
          }),
          3,
          2,
          1
        ]
      ]
    for (const [name, body, sent, stored, refused] of answers) {
      it.effect(`counts: ${name}`, () =>
        Effect.sync(() => assert.include(read({ status: 200, body, sent }), { _tag: "Accepted", stored, refused })))
    }

    it.effect("notices a stream that the server spells in another way, in any of its statuses", () =>
      Effect.sync(() => {
        const asked = { stream: "Orders-API", variable: "O2_STREAM" }
        const noticeOf = (...names: ReadonlyArray<unknown>) => {
          const body = JSON.stringify({ status: names.map((name) => ({ name, successful: 1, failed: 0 })) })
          const verdict = IngestResponse.read({ status: 200, headers: {}, body }, names.length, NOW, asked)
          return verdict._tag === "Accepted" ? verdict.notice : assert.fail(verdict._tag)
        }
        assert.include(noticeOf("orders_api"), "\"orders_api\"")
        assert.include(noticeOf("orders_api"), "O2_STREAM")
        assert.include(noticeOf("Orders-API", "other"), "\"other\"")
        assert.isUndefined(noticeOf("Orders-API"))
        assert.isUndefined(noticeOf(undefined))
        assert.isUndefined(noticeOf(7))
        assert.isBelow(noticeOf("x".repeat(100_000))?.length ?? 0, 400)
      }))

    it.effect("has no more of the server's reason than 300 characters", () =>
      Effect.sync(() => {
        const verdict = read({ status: 200, body: counted(0, 3, "😀".repeat(1000)) })
        assert.strictEqual(verdict._tag, "Accepted")
        if (verdict._tag !== "Accepted") return
        assert.strictEqual(verdict.detail?.length, 300)
        assert.isTrue(verdict.detail?.isWellFormed())
      }))

    it.effect("passes the server's reason on", () =>
      Effect.sync(() => {
        assert.include(read({ status: 200, body: counted(2, 1, TOO_OLD) }), { detail: TOO_OLD })
        assert.include(read({ status: 200, body: counted(3, 0) }), { detail: undefined })
      }))

    it.effect("divides a batch of which nothing was accounted for", () =>
      Effect.sync(() =>
        assert.include(read({ status: 200, body: counted(0, 0) }), { _tag: "Divide", reason: "unaccounted" })
      ))

    const unreadable = [
      "",
      "OK",
      "<html>please log in</html>",
      "{}",
      "[]",
      "null",
      "{\"code\":200}",
      "{\"code\":200,\"status\":[]}",
      "{\"code\":200,\"status\":[{\"name\":\"default\"}]}",
      "{\"code\":503,\"error\":\"MemoryTableOverflowError\"}",
      "{\"code\":200,\"status\":[{\"successful\":\"3\",\"failed\":0}]}",
      "{\"code\":200,\"status\":[{\"successful\":-3,\"failed\":0}]}",
      "{\"code\":200,\"status\":[{\"successful\":1.5,\"failed\":0}]}",
      "{\"code\":200,\"status\":[{\"successful\":1e400,\"failed\":0}]}"
    ]
    for (const body of unreadable) {
      it.effect(`is not taken for success when it says ${JSON.stringify(body)}`, () =>
        Effect.sync(() => assert.strictEqual(read({ status: 200, body })._tag, "Retry")))
    }

    it.effect("never accounts for other numbers of records than were sent", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(
            fc.array(fc.record({ successful: fc.double(), failed: fc.oneof(fc.nat(5), fc.integer()) })),
            fc.nat(5),
            (status, sent) => {
              const verdict = read({ status: 200, body: JSON.stringify({ code: 200, status }), sent })
              if (verdict._tag !== "Accepted") return
              const { refused, stored } = verdict
              assert.isTrue(Number.isInteger(stored) && stored >= 0)
              assert.isTrue(Number.isInteger(refused) && refused >= 0)
              assert.isAtMost(stored + refused, sent)
            }
          )
        )
      ))
  })

  describe("another answer", () => {
    // Texts as a v0.91.5 server was seen to send them, and those of its source for Cloud, routers and older versions.
    const answers: ReadonlyArray<readonly [status: number, body: string, tag: Tag]> = [
      [400, message(400, "SerdeJsonError# EOF while parsing a value at line 1 column 0"), "Divide"],
      [400, message(400, "SerdeJsonError# unexpected end of hex escape at line 1 column 15"), "Divide"],
      [400, message(400, "SerdeJsonError# recursion limit exceeded at line 1 column 632"), "Divide"],
      [
        400,
        message(400, "Error# Failed processing: JsonError(Error(\"expected value\", line: 1, column: 1))"),
        "Divide"
      ],
      [400, "Failed to buffer the request body: Invalid gzip header", "Divide"],
      [400, "Failed to buffer the request body: CRC computed does not match", "Divide"],
      [400, message(400, "Error# stream [default] is being deleted"), "Retry"],
      [400, message(400, "Error# Quota exceeded for this organization [default]"), "Retry"],
      [400, message(400, "Error# MemoryTableOverflowError"), "Retry"],
      [400, message(400, "Error# not an ingester"), "Retry"],
      [400, "<html><center>nginx</center></html>", "Retry"],
      [400, message(400, "Error# stream 'usage' is reserved and cannot be ingested into"), "Misconfigured"],
      [400, message(400, "Error# Stream name is empty"), "Misconfigured"],
      [400, "Invalid URL: Invalid UTF-8 in 'stream_name'", "Misconfigured"],
      [401, "Unauthorized Access", "Misconfigured"],
      [401, message(401, "Unauthorized Access"), "Misconfigured"],
      [401, "Not Supported", "Misconfigured"],
      [403, "Unauthorized Access", "Misconfigured"],
      [403, "Organization is deleted", "Misconfigured"],
      [404, "", "Misconfigured"],
      [404, "Organization not found", "Misconfigured"],
      [405, "", "Misconfigured"],
      [408, "", "Retry"],
      [413, "Failed to buffer the request body: length limit exceeded", "Divide"],
      [413, "<html><center>nginx</center></html>", "Divide"],
      [415, "", "Misconfigured"],
      [422, "", "Misconfigured"],
      [429, message(429, "Error# MemoryTableOverflowError"), "Retry"],
      [429, message(429, "Error# Quota exceeded for this organization [default]"), "Retry"],
      [429, "RateLimitExceeded", "Retry"],
      [429, "organization has expired its trial period", "Misconfigured"],
      [429, message(429, "Expired Trial Period"), "Misconfigured"],
      [500, "internal server error during log ingestion", "Retry"],
      [500, "Failed to read request body", "Retry"],
      [502, "Proxy request failed: connection refused", "Retry"],
      [503, message(503, "Error# MemoryTableOverflowError"), "Retry"],
      [503, message(503, "Error# MemoryCircuitBreakerError"), "Retry"],
      [503, message(503, "Error# DiskCircuitBreakerError"), "Retry"],
      [503, "{\"code\":503,\"error\":\"MemoryTableOverflowError\"}", "Retry"],
      [503, "No online ingester nodes", "Retry"],
      [504, "", "Retry"],
      [204, "", "Retry"],
      [301, "", "Misconfigured"],
      [302, "", "Misconfigured"],
      [307, "", "Misconfigured"],
      [308, "", "Misconfigured"]
    ]
    for (const [status, body, tag] of answers) {
      it.effect(`means ${tag}: ${status} ${body}`, () =>
        Effect.sync(() => assert.strictEqual(read({ status, body })._tag, tag)))
    }

    const reasons: ReadonlyArray<readonly [status: number, body: string, reason: "poison" | "too_large"]> = [
      [400, message(400, "SerdeJsonError# expected value at line 1 column 1"), "poison"],
      [400, "Failed to buffer the request body: Invalid gzip header", "poison"],
      [413, "x", "too_large"]
    ]
    for (const [status, body, reason] of reasons) {
      it.effect(`calls a record that is alone ${reason} after ${status} ${body}`, () =>
        Effect.sync(() => assert.include(read({ status, body }), { _tag: "Divide", reason })))
    }

    const remedies: ReadonlyArray<readonly [status: number, body: string, variable: string]> = [
      [400, message(400, "Error# stream 'usage' is reserved and cannot be ingested into"), "O2_STREAM"],
      [401, "", "O2_AUTHORIZATION_HEADER"],
      [403, "", "O2_ORGANIZATION_ID"],
      [404, "", "O2_ENDPOINT"],
      [415, "", "O2_ENDPOINT"],
      [429, "organization has expired its trial period", "O2_ORGANIZATION_ID"],
      [308, "", "O2_ENDPOINT"]
    ]
    for (const [status, body, variable] of remedies) {
      it.effect(`names ${variable} after ${status}`, () =>
        Effect.sync(() => {
          const verdict = read({ status, body })
          assert.isTrue(verdict._tag === "Misconfigured" && verdict.remedy.includes(variable))
        }))
    }

    it.effect("quotes the beginning of what the server says", () =>
      Effect.sync(() => {
        const verdict = read({ status: 503, body: "x".repeat(100_000) })
        assert.isTrue(verdict._tag === "Retry" && verdict.detail.startsWith("HTTP 503: xxx"))
        assert.isAtMost(verdict.detail?.length ?? 0, 400)
      }))

    it.effect("shows where a redirect leads without its query", () =>
      Effect.sync(() => {
        const detail = (location?: string) =>
          read({ status: 302, headers: location === undefined ? {} : { location } }).detail
        assert.strictEqual(
          detail("https://sso.example.com/login?token=secret#x"),
          "HTTP 302 to https://sso.example.com/login"
        )
        assert.strictEqual(detail("/login?token=secret"), "HTTP 302 to a relative address")
        assert.strictEqual(detail(), "HTTP 302 to nowhere")
      }))
  })

  describe("Retry-After", () => {
    const headers: ReadonlyArray<readonly [header: string, afterMs: number | undefined]> = [
      ["0", 0],
      ["120", 120_000],
      [" 7 ", 7_000],
      [new Date(NOW + 90_000).toUTCString(), 90_000],
      [new Date(NOW - 90_000).toUTCString(), 0],
      ["soon", undefined],
      ["", undefined]
    ]
    for (const [header, afterMs] of headers) {
      it.effect(`"${header}" asks for ${afterMs === undefined ? "nothing" : `${afterMs} ms`}`, () =>
        Effect.sync(() =>
          assert.include(read({ status: 503, headers: { "retry-after": header } }), { _tag: "Retry", afterMs })
        ))
    }

    it.effect("is not needed", () =>
      Effect.sync(() => assert.include(read({ status: 503 }), { _tag: "Retry", afterMs: undefined })))
  })
})
