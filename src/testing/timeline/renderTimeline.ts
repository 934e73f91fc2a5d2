/** A run as one page. */
import { pageDocument } from "./Document.ts"
import { pageData } from "./PageData.ts"
import type { TimelineRun } from "./Run.ts"

/**
 * Shows a run as Lambda saw it: one self-contained HTML page with the phases, the posts of telemetry, the extension's
 * work and its requests on one axis of time, and the records and the ledger below.
 *
 * The page opens from a file and asks no network for anything. Credentials in the heads of requests are masked wherever
 * they stand, long texts are cut, and nothing that a function has logged can do anything in it.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { writeFileSync } from "node:fs"
 * import { LambdaEmulator, OpenObserveDouble, renderTimeline } from "o2-lambda-extension/testing"
 *
 * const writePage = Effect.gen(function*() {
 *   const timeline = yield* (yield* LambdaEmulator).timeline
 *   const openObserve = yield* OpenObserveDouble
 *   const requests = yield* openObserve.requests
 *   const records = yield* openObserve.records("default")
 *   writeFileSync("run.html", renderTimeline({ title: "My test", timeline, requests, records }))
 * })
 *
 * export { writePage }
 * ```
 *
 * @since 0.2.0
 * @category rendering
 */
export const renderTimeline = (run: TimelineRun): string => pageDocument(pageData(run))
