/** What cannot be emulated, said before anything is started. */
import { statSync } from "node:fs"
import type { LambdaEmulatorOptions } from "./Options.ts"

const durations = ["timeoutMs", "initTimeoutMs", "shutdownBudgetMs", "invokeDelayMs"] as const

/** A sentence for each option that is of no use. */
export const problemsOf = (options: LambdaEmulatorOptions): ReadonlyArray<string> => {
  const { extensionsDirectory, runtime } = options as Partial<LambdaEmulatorOptions>
  const problems: Array<string> = []
  const isThere = extensionsDirectory !== undefined &&
    statSync(extensionsDirectory, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isThere) problems.push(`extensionsDirectory names no directory: ${extensionsDirectory}`)
  if (runtime === undefined) {
    problems.push("runtime is missing: give { _tag: \"Handler\", file } or { _tag: \"Bootstrap\", file }")
  }
  for (const name of durations) {
    const value = options[name]
    if (value !== undefined && !(value >= 0)) problems.push(`${name} is no duration in ms: ${value}`)
  }
  return problems
}
