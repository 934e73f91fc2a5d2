/** The ways in which batches are rewritten, together, since they are loaded when the first is needed. */
export { narrow } from "./CollapseObjects.ts"
export { restamp } from "./Restamp.ts"
export { group } from "./SplitByColumns.ts"
export { shorten } from "./Truncate.ts"
