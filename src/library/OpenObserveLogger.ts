/**
 * Lines that a program logs by Effect as records.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"
import { IsPatient, Records } from "../logs/Records.ts"

/** `type` of the records. */
const TYPE = "log"

/**
 * Makes a logger that has each line sent: `level`, `message`, the annotations and objects that were logged as members
 * (`fields_level` and the like where they are called as these), `error` with causes and stacks, `span_<name>_ms` for log
 * spans, `trace_id` and `span_id` within a span. It never fails and never waits: while the buffer is full the oldest records
 * are dropped, and counted. What JSON has no form for is sent as text. What the sink itself logs is sent, too, but for what
 * it says of the sending of a line.
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
    const { date, fiber } = options
    // what adding a record logs must not beget another record
    const others = new Set([...fiber.getRef(Logger.CurrentLoggers)].filter((other) => other !== logger))
    const add = (fields: object) => records.add(fields, { time: date, type: TYPE })
    const line = Effect.suspend(() => add(lineOf(options)))
    Effect.runForkWith(fiber.context)(
      line.pipe(
        Effect.catchTag("RecordError", () => add(writable(lineOf(options)))),
        // members that cannot even be read
        Effect.catchDefect(() => add({ level: options.logLevel.toLowerCase(), message: "a line that cannot be read" })),
        // who logs is never told, nor held up
        Effect.catchCause(() => Effect.void),
        Effect.provideService(IsPatient, false),
        Effect.provideService(Logger.CurrentLoggers, others)
      )
    )
  })
  return logger
})

type Members = Readonly<Record<string, unknown>>

const lineOf = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): Members => {
  const parts = (Array.isArray(message) ? message as ReadonlyArray<unknown> : [message]).map(told)
  const texts = parts.filter((part) => !isMembers(part)).map(textOf)
  const error = parts.filter((part) => part instanceof Error).map((error) => error.stack ?? String(error))
  if (cause.reasons.length > 0) error.push(Cause.pretty(cause))
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  const ours = {
    level: logLevel.toLowerCase(),
    ...(texts.length > 0 ? { message: texts.join(" ") } : {}),
    ...(error.length > 0 ? { error: error.join("\n") } : {})
  }
  const spans = fiber.getRef(References.CurrentLogSpans).map(([label, startMs]) => [
    `span_${label}_ms`,
    date.getTime() - startMs
  ])
  const theirs = {
    ...fiber.getRef(References.CurrentLogAnnotations),
    ...Object.fromEntries(spans) as Members,
    ...Object.assign({}, ...parts.filter(isMembers)) as Members
  }
  // a member of another meaning must not hide what every line has
  const renamed = Object.entries(theirs).map(([name, value]) => [name in ours ? `fields_${name}` : name, value])
  // who names a trace means another
  const isOfSpan = span !== undefined && !("trace_id" in theirs)
  return {
    ...ours,
    ...Object.fromEntries(renamed) as Members,
    ...(isOfSpan ? { trace_id: span.traceId, span_id: span.spanId } : {})
  }
}

/** What a value says of itself: `Redacted` and the like do not give away what they hold. */
const told = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !(value instanceof Error) && "toJSON" in value &&
    typeof value.toJSON === "function"
    ? value.toJSON("") as unknown
    : value

/** Whether something has members that are worth columns of their own. */
const isMembers = (value: unknown): value is object =>
  Object.prototype.toString.call(value) === "[object Object]" && !(value instanceof Error)

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Error ? String(value) : Formatter.format(value)

/** The same with a text for whatever JSON has no form for. */
const writable = (line: Members): Members =>
  Object.fromEntries(
    Object.entries(line).map(([name, value]) => [
      name,
      Result.isSuccess(Result.try(() => JSON.stringify(value))) ? value : Formatter.format(value)
    ])
  )

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
