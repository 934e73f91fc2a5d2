/** The ways in which batches are rewritten, together, since they are loaded when the first is needed. */
export { collapseObjects } from "./CollapseObjects.ts"
export { restamp } from "./Restamp.ts"
export { splitByColumns } from "./SplitByColumns.ts"
export { truncate } from "./Truncate.ts"
