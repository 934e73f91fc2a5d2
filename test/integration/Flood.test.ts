/** Far more than memory holds while OpenObserve is silent: the process lives, stays small, and says what it gave up. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, complaints, ended } from "./books.ts"
import { assertUnharmed } from "./faultMatrix.ts"
import { withSandbox } from "./sandbox.ts"

const LIMIT_MB = 10

/**
 * For what the limit does not cover: the heap's own growth, a post that is being read, buffers of zlib and sockets. 16 is
 * what is aimed at: on an idle machine Node.js takes 8 (bench/memory.ts), the small engine 18 in a longer flood (page 17).
 */
const OVERHEAD_MB = 20

const POSTS = 90

/** Lambda makes no post much larger than the 1 MiB that we ask for. */
const POST_BYTES = 1024 * 1024

const LINE_BYTES = 200

/** Nothing that compression could make much smaller: batches wait compressed, and then the flood would fit. */
const NOISE = randomBytes(6 * 1024 * 1024).toString("base64")

const line = (number: number) => {
  const from = number * LINE_BYTES % (NOISE.length - LINE_BYTES)
  return `flood ${number} ${NOISE.slice(from, from + LINE_BYTES)}`
}

/** A post of a whole MiB and the number of the line behind its last. */
const post = (first: number): { readonly body: Buffer; readonly next: number } => {
  const time = new Date().toISOString()
  const events: Array<string> = []
  let bytes = 2
  let next = first
  while (bytes < POST_BYTES) {
    const event = JSON.stringify({ time, type: "function", record: line(next++) })
    events.push(event)
    bytes += event.length + 1
  }
  return { body: Buffer.from(`[${events.join(",")}]`), next }
}

/** What Lambda has to say of a call. */
const PLATFORM_EVENTS = 4

/** A figure of the process, in MiB. */
const residentMegabytes = (pid: number, figure: "VmRSS" | "VmHWM"): number => {
  const found = new RegExp(`^${figure}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))
  if (found === null) throw new Error(`process ${pid} has no ${figure}`)
  return Number(found[1]) / 1024
}

describe("a flood", () => {
  it.live(`of ${POSTS} MB while OpenObserve hangs stays within the limit of ${LIMIT_MB} MB, oldest lines first`, () =>
    withSandbox(
      { freeze: false, shutdownBudgetMs: 20_000, environment: { O2_MAX_BUFFER_SIZE_MB: String(LIMIT_MB) } },
      (sandbox) =>
        Effect.gen(function*() {
          const { emulator, functionLines, invoke, openObserve, ownLines } = sandbox
          assertUnharmed(yield* invoke({ flood: { text: "before", count: 1000 } }))
          yield* openObserve.setFault(Fault.HangBeforeHeaders())
          const [{ pid } = { pid: undefined }] = yield* emulator.extensions
          if (pid === undefined) return yield* Effect.die(new Error("the extension has no process"))
          const before = residentMegabytes(pid, "VmRSS")
          let count = 0
          for (let posted = 0; posted < POSTS; posted++) {
            const { body, next } = post(count)
            assert.strictEqual(yield* emulator.postTelemetry(body), 200)
            count = next
          }
          const growth = residentMegabytes(pid, "VmHWM") - before
          assertUnharmed(yield* invoke({ lines: ["the end"], sleepMs: 2000 }))

          yield* openObserve.setFault(undefined)
          const ledger = yield* ended(sandbox)
          const lines = yield* functionLines
          assert.include(lines, "the end\n")
          const stored = new Set(lines)
          const missing = Array.from({ length: count }, (_, n) => n).filter((n) => !stored.has(line(n)))
          assert.isAbove(missing.length, 0)
          // what was under way when memory was full may have outlived what came next, but nothing has a second gap
          assert.strictEqual(missing.at(-1)! - missing[0]! + 1, missing.length)
          assert.isBelow(missing.at(-1)!, count - 1)
          assert.deepInclude(ledger, { rejected: {}, spilled: 0, level: "warn" })
          assert.deepStrictEqual(Object.keys(ledger["dropped"]), ["buffer_full"])
          const dropped = ledger["dropped"]["buffer_full"]
          assert.strictEqual(ledger["delivered"], ledger["received"] - dropped)
          // the last platform events of the call before may be among the oldest
          assert.isAtLeast(dropped, missing.length)
          assert.isAtMost(dropped, missing.length + PLATFORM_EVENTS)
          assert.include(ledger, { malformed: 0, postsDropped: 0 })
          const warnings = complaints(yield* ownLines).filter(({ message }) => /O2_MAX_BUFFER_SIZE_MB/.test(message))
          assert.strictEqual(warnings.length, 1)
          yield* assertNoSecrets(sandbox)
          assert.isAtMost(growth, LIMIT_MB + OVERHEAD_MB, `MiB, from ${before.toFixed(0)}`)
        })
    ))
})
