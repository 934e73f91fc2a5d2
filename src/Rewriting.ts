/** The ways in which batches are rewritten, together, since they are loaded when the first is needed. */
export { group } from "./ColumnGroups.ts"
export { narrow } from "./Narrow.ts"
export { restamp } from "./Restamp.ts"
export { shorten } from "./Shorten.ts"
