/**
 * Lines that a program logs by Effect as records.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Records } from "../logs/Records.ts"

/** `type` of the records. */
const TYPE = "log"

/**
 * Makes a logger that has each line sent: `level`, `message`, the annotations and objects that were logged as members,
 * `error` with a cause, `span_<name>_ms` for log spans. It never fails; lines that JSON has no form for are sent as text.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * ```ts
 * import * as OpenObserveLogger from "o2-lambda-extension/OpenObserveLogger"
 * import * as Logger from "effect/Logger"
 *
 * // lines go to OpenObserve and nowhere else
 * const onlyThere = Logger.layer([OpenObserveLogger.make])
 * ```
 */
export const make: Effect.Effect<Logger.Logger<unknown, void>, never, Records> = Effect.gen(function*() {
  const records = yield* Records
  const logger: Logger.Logger<unknown, void> = Logger.make((options) => {
    const { cause, date, fiber, logLevel, message } = options
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    const fields = parts.filter((part) => typeof part === "object" && part !== null && !(part instanceof Error))
    const spans = fiber.getRef(References.CurrentLogSpans).map(([label, startMs]) => [
      `span_${label}_ms`,
      date.getTime() - startMs
    ])
    const line = {
      level: logLevel.toLowerCase(),
      message: parts.filter((part) => !fields.includes(part)).join(" "),
      ...fiber.getRef(References.CurrentLogAnnotations),
      ...Object.fromEntries(spans) as object,
      ...Object.assign({}, ...fields) as object,
      ...(cause.reasons.length > 0 ? { error: Cause.pretty(cause) } : {})
    }
    // what adding a record logs must not beget another record
    const others = new Set([...fiber.getRef(Logger.CurrentLoggers)].filter((other) => other !== logger))
    const asText = { level: line.level, message: String(message) }
    const add = (fields: object) => records.add(fields, { time: date, type: TYPE })
    Effect.runForkWith(fiber.context)(
      add(line).pipe(
        Effect.catchTag("RecordError", () => add(asText)),
        Effect.ignore,
        Effect.provideService(Logger.CurrentLoggers, others)
      )
    )
  })
  return logger
})

/**
 * Has lines sent beside what is done with them anyway.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 * import * as OpenObserveLogger from "o2-lambda-extension/OpenObserveLogger"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.log("hello").pipe(
 *   Effect.provide(OpenObserveLogger.layer.pipe(Layer.provide(OpenObserve.layerEnv())))
 * )
 * ```
 */
export const layer: Layer.Layer<never, never, Records> = Logger.layer([make], { mergeWithExisting: true })
