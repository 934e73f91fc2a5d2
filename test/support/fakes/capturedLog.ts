/** Catches what is logged, for tests that assert on it. */
import * as Logger from "effect/Logger"

/** One logged line. */
interface LogEntry {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A logger layer that replaces all others, and the lines it has caught so far. */
export const makeCapturedLog = () => {
  const entries: Array<LogEntry> = []
  const times: Array<number> = []
  const logger = Logger.make<unknown, void>(({ date, logLevel, message }) => {
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    times.push(date.getTime())
    entries.push({
      level: logLevel,
      message: parts.filter((part) => typeof part === "string").join(" "),
      fields: Object.assign({}, ...parts.filter((part) => typeof part === "object"))
    })
  })
  return {
    layer: Logger.layer([logger]),
    entries,
    /** When each was logged (epoch ms). */
    times,
    at: (level: string) => entries.filter((entry) => entry.level === level).map(({ message }) => message)
  }
}
