/** The process's own output. Whoever reads it may go away or stop reading; that is no reason to break off, or to stay. */

/** A stream of the process. */
export type Name = "stdout" | "stderr"

/** Time for last lines that wait in a full pipe, in ms. */
const LAST_LINES_MS = 100

const guarded = new Set<Name>()

/** One of the streams, which the engine prepares when it is first used. */
export const open = (name: Name): NodeJS.WriteStream => {
  if (!guarded.has(name)) process[name].on("error", () => {})
  guarded.add(name)
  return process[name]
}

/** Ends the process when standard output has taken what was written, or does not. */
export const exit = (code: NodeJS.Process["exitCode"]): void => {
  const end = () => process.exit(code)
  setTimeout(end, LAST_LINES_MS)
  open("stdout").write("", end)
}
