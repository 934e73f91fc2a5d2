/** The ways in which batches are rewritten, together, since they are loaded when the first is needed. */
export { collapseObjects } from "./CollapseObjects.ts"
export { fitColumns } from "./FitColumns.ts"
export { restamp } from "./Restamp.ts"
export { truncate } from "./Truncate.ts"
