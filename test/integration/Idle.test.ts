/** What the extension costs while nothing happens: it sleeps until something comes in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { eventually, withSandbox } from "./sandbox.ts"

/** How long an idle process is watched, in ms. */
const WATCHED_MS = 3000

/**
 * Wakes that are left to the engine meanwhile: V8's collector comes to 1. A timer of ours at `O2_FLUSH_INTERVAL_MS` would
 * come to 30.
 */
const MOST_WAKES = 15

/** In the kernel's ticks of 10 ms: the least that can be measured, and room for one that ends in the time watched. */
const MOST_TICKS = 1

/** How often the main thread, the only one with code of ours, has gone to sleep, and its processor time in ticks. */
const activity = (pid: number) => {
  const thread = `/proc/${pid}/task/${pid}`
  const sleeps = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`${thread}/status`, "utf8"))
  // the name, which may hold anything, ends with the last parenthesis
  const [user, system] = readFileSync(`${thread}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").slice(11, 13)
  return { wakes: Number(sleeps?.[1]), ticks: Number(user) + Number(system) }
}

/** What the process does in a while. */
const watched = (pid: number) =>
  Effect.gen(function*() {
    const before = activity(pid)
    yield* Effect.sleep(WATCHED_MS)
    const after = activity(pid)
    return { wakes: after.wakes - before.wakes, ticks: after.ticks - before.ticks }
  })

describe.skipIf(process.platform !== "linux")("an idle sandbox", () => {
  for (const strategy of ["end", "continuous"]) {
    // not frozen, as every sandbox is from thaw to freeze, and those of Managed Instances are always
    it.live(`is not woken by timers of ours with ${strategy}`, () =>
      withSandbox(
        { freeze: false, environment: { O2_FLUSH_STRATEGY: strategy, O2_FLUSH_INTERVAL_MS: "100" } },
        (sandbox) =>
          Effect.gen(function*() {
            for (let call = 0; call < 3; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
            yield* eventually(sandbox.functionLines, (lines) => lines.length === 3)
            const [{ pid } = { pid: undefined }] = yield* sandbox.emulator.extensions
            assert.isDefined(pid)
            // an engine tidies up after work, for how long is its affair
            let seen = yield* watched(pid!)
            for (let attempt = 0; attempt < 8 && !(seen.wakes <= MOST_WAKES && seen.ticks <= MOST_TICKS); attempt++) {
              seen = yield* watched(pid!)
            }
            assert.isAtMost(seen.wakes, MOST_WAKES)
            assert.isAtMost(seen.ticks, MOST_TICKS)
            yield* sandbox.emulator.shutdown()
          })
      ))
  }
})
