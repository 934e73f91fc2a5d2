/** Our own log lines: one JSON object per line on stdout, which Lambda puts into the function's log. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Output from "./Output.ts"

/** What this extension is called unless it is part of another program. */
const NAME = "o2-lambda-extension"

/** Which extension our lines are of. */
export const Label = Context.Reference<string>("o2-lambda-extension/Logger/Label", { defaultValue: () => NAME })

/** How each of our lines begins, so that they can be told from those of other extensions. */
export const ownLinePrefix = (label: string): string => `{"extension":${JSON.stringify(label)},`

/** The same for an extension that is no part of another program. */
export const OWN_LINE_PREFIX = ownLinePrefix(NAME)

const jsonLine = Logger.make<unknown, string>(({ cause, date, fiber, logLevel, message }) => {
  const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const fields: ReadonlyArray<object> = parts.filter((part) => typeof part === "object" && part !== null)
  const line = {
    time: date.toISOString(),
    level: logLevel.toLowerCase(),
    message: parts.filter((part) => typeof part !== "object").join(" "),
    ...Object.assign({}, ...fields) as object,
    ...(cause.reasons.length > 0 ? { error: Cause.pretty(cause) } : {})
  }
  return ownLinePrefix(fiber.getRef(Label)) + JSON.stringify(line).slice(1)
})

/** Writes our lines. */
export const toStdout = Logger.make<unknown, void>((options) => {
  Output.open("stdout").write(`${jsonLine.log(options)}\n`)
})

/** Names of the levels as the settings spell them. */
const levels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error", none: "None" } as const satisfies Record<
  string,
  LogLevel.LogLevel
>

/** Replaces Effect's default logger by ours. */
export const layer = Logger.layer([toStdout])

/** Logs only what is at least as grave as `level`. */
export const withLevel = (
  level: keyof typeof levels
): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  Effect.provideService(References.MinimumLogLevel, levels[level])
