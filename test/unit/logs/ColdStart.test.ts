import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { event, makeEncoder, NOW_MICROS, post } from "../../support/encoderFixtures.ts"

/** So many seconds before the moment of receipt. */
const before = (seconds: number) => new Date(NOW_MICROS / 1000 - seconds * 1000).toISOString()

const initStart = (seconds: number) => event("platform.initStart", { instanceId: "i" }, before(seconds))
const initReport = (seconds: number) => event("platform.initReport", { status: "success" }, before(seconds))
const start = (requestId: string, seconds: number) => event("platform.start", { requestId }, before(seconds))

type Options = Parameters<typeof makeEncoder>[0]

/** What the last record of a post says of it; `undefined` where it says nothing. */
const coldstart = (options: Options, ...events: ReadonlyArray<unknown>) =>
  makeEncoder({ hasMetadata: true, ...options }).records(post(...events)).at(-1)?.["faas_coldstart"]

describe("ColdStart", () => {
  const cases: ReadonlyArray<
    readonly [what: string, options: Options, events: ReadonlyArray<unknown>, value: boolean | undefined]
  > = [
    ["true for a call right after the init", {}, [initStart(6), initReport(5), start("a", 4)], true],
    ["true up to 10 s after the init", {}, [initStart(60), initReport(14), start("a", 4)], true],
    ["false where Lambda started ahead of the call", {}, [initStart(66), initReport(65), start("a", 5)], false],
    ["true while nobody knows when the first call comes", {}, [initStart(66), initReport(65)], true],
    ["true where the end of the init is not told and may have been late", {}, [initStart(18), start("a", 1)], true],
    ["false where it must have been early", {}, [initStart(30), start("a", 1)], false],
    ["true where nothing is told of the init", {}, [start("a", 0)], true],
    ["true where the time of the init cannot be read", {}, [
      event("platform.initReport", { status: "success" }, "some time"),
      start("a", 0)
    ], true],
    ["false for the second call", {}, [initStart(6), initReport(5), start("a", 4), start("b", 3)], false],
    ["true after a reset, whose init is part of the call", {}, [
      event("platform.initStart", { phase: "invoke" }, before(3)),
      event("platform.initReport", { phase: "invoke", status: "success" }, before(2)),
      start("a", 2)
    ], true],
    [
      "false with provisioned concurrency",
      { isProvisioned: true },
      [initStart(6), initReport(5), start("a", 4)],
      false
    ],
    ["false in its init, too", { isProvisioned: true }, [initStart(6)], false],
    ["true for the first call of a snapshot, however old that is", { isSnapStart: true }, [
      initStart(9000),
      initReport(9000),
      start("a", 5)
    ], true],
    ["true after a restore, whatever is told again", {}, [
      event("platform.restoreStart", {}, before(6)),
      initStart(9000),
      initReport(9000),
      start("a", 5)
    ], true],
    ["left out on Managed Instances", { isManagedInstance: true }, [initStart(6), start("a", 4)], undefined]
  ]
  for (const [what, options, events, value] of cases) {
    it.effect(`is ${what}`, () => Effect.sync(() => assert.strictEqual(coldstart(options, ...events), value)))
  }
})
