/** The test kit: a local Lambda and a local OpenObserve, as Layers, and a page that shows a run of theirs. */
export * from "./LambdaEmulator.ts"
export * from "./OpenObserveDouble.ts"
export { renderTimeline } from "./timeline/renderTimeline.ts"
export type { TimelineRun } from "./timeline/Run.ts"
