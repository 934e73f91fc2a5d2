/** Says which exports of the package lack a part of their documentation, and fails if there are any. */
import { type Export, publicExports } from "./exports.ts"

const lacking = ({ isValue, tags }: Export): ReadonlyArray<string> => [
  ...(/^\d+\.\d+\.\d+$/.test(tags.get("since") ?? "") ? [] : ["@since"]),
  ...((tags.get("category") ?? "") === "" ? ["@category"] : []),
  // a type is shown by the examples of what makes or takes it
  ...(isValue && !tags.get("example")?.includes("```ts\n") ? ["@example with ```ts"] : [])
]

const all = publicExports()
const faults = new Set(all.flatMap((one) => {
  const missing = lacking(one)
  return missing.length === 0 ? [] : [`${one.file}:${one.line} ${one.name}: no ${missing.join(", no ")}`]
}))
for (const fault of faults) console.error(fault)
console.log(`${all.length} exports, ${faults.size} not documented`)
if (faults.size > 0) process.exitCode = 1
