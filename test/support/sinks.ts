/** Sinks without Lambda, before a server that misbehaves. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { type Accounts, total } from "../../src/delivery/Books.ts"
import * as OpenObserve from "../../src/library/OpenObserve.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"

/** The stream that records go to. */
export const STREAM = "jobs"

/** Options for the double, with times that tests have. */
export const optionsFor = (
  { authorization, url }: Pick<OpenObserveDouble["Service"], "authorization" | "url">,
  options: Partial<OpenObserve.OpenObserveOptions> = {}
): OpenObserve.OpenObserveOptions => ({
  organizationId: "default",
  authorization: Redacted.make(authorization),
  endpoint: url,
  stream: STREAM,
  flushInterval: "50 millis",
  requestTimeout: "1 second",
  initialRetryDelay: "20 millis",
  maxRetryDelay: "100 millis",
  ...options
})

/** A sink before the double that is there. */
export const sinkBefore = (options: Partial<OpenObserve.OpenObserveOptions> = {}) =>
  Layer.unwrap(Effect.map(OpenObserveDouble, (double) => OpenObserve.layer(optionsFor(double, options))))

/** A line as it was logged. */
interface Line {
  readonly level: string
  readonly message: unknown
}

/** Keeps what is logged, instead of printing it. */
export const recording = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push({ level: logLevel, message }))
  return { lines, layer: Logger.layer([logger]), text: () => JSON.stringify(lines) }
}

/** How often each number stands in records as `n`. */
export const timesOf = (records: ReadonlyArray<Readonly<Record<string, unknown>>>): ReadonlyMap<unknown, number> => {
  const times = new Map<unknown, number>()
  for (const { n } of records) times.set(n, (times.get(n) ?? 0) + 1)
  return times
}

/** Records that were given up for a reason that has a name. */
export const lossesOf = ({ dropped, rejected }: Accounts): number => total(dropped).records + total(rejected).records
