/** What a sink without Lambda can be told, and the settings that it stands for: both are checked by the same rules. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Processor } from "../processors/Processor.ts"

/**
 * What no environment variable says.
 *
 * @since 0.2.0
 * @category models
 */
export interface SinkOptions {
  /** Members of every record, unless it has them itself. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined
  /** What is done to each record before it is buffered, in this order. */
  readonly processors?: ReadonlyArray<Processor> | undefined
  /** How long closing the scope may take while records are left. Default 10 seconds. */
  readonly shutdownTimeout?: Duration.Input | undefined
}

/**
 * A server and how it is used. Each is one of the extension's settings, which docs/configuration.md explains; the default is
 * that of the setting.
 *
 * @since 0.2.0
 * @category models
 */
export interface OpenObserveOptions extends SinkOptions {
  /** `O2_ORGANIZATION_ID`. */
  readonly organizationId: string
  /** `O2_AUTHORIZATION_HEADER`: `Basic ` and base64 of `user:password` or `user:token`. */
  readonly authorization: Redacted.Redacted
  /** `O2_ENDPOINT`: base URL. */
  readonly endpoint?: string | URL | undefined
  /** `O2_STREAM`. */
  readonly stream?: string | undefined
  /** `O2_MAX_BUFFER_SIZE_MB`: memory for records at most, in MiB. */
  readonly maxBufferMegabytes?: number | undefined
  /** `O2_MAX_BATCH_SIZE_KB`: body of a request before compression, in KiB. */
  readonly maxBatchKilobytes?: number | undefined
  /** `O2_MAX_COLUMNS`: columns that a request may have. */
  readonly maxColumns?: number | undefined
  /** `O2_FLUSH_INTERVAL_MS`: records leave when they are older, or when a batch is full. */
  readonly flushInterval?: Duration.Input | undefined
  /** `O2_REQUEST_TIMEOUT_MS`: one attempt. */
  readonly requestTimeout?: Duration.Input | undefined
  /** `O2_MAX_RETRIES`: attempts after the first. */
  readonly maxRetries?: number | undefined
  /** `O2_INITIAL_RETRY_DELAY_MS`. */
  readonly initialRetryDelay?: Duration.Input | undefined
  /** `O2_MAX_RETRY_DELAY_MS`. */
  readonly maxRetryDelay?: Duration.Input | undefined
  /** `O2_COMPRESSION`. */
  readonly compression?: "gzip" | "none" | undefined
  /** `O2_ALLOW_INSECURE_HTTP`. */
  readonly allowInsecureHttp?: boolean | undefined
  /** `O2_CA_CERT_FILE`: authorities besides those that are known anyway. */
  readonly caCertFile?: string | undefined
  /** `O2_PROXY`: `http://[user:password@]host:port`. The variables that other programs know are not read. */
  readonly proxy?: string | Redacted.Redacted | undefined
}

type Option = Exclude<keyof OpenObserveOptions, keyof SinkOptions>

const variableOf: Readonly<Record<Option, string>> = {
  organizationId: "O2_ORGANIZATION_ID",
  authorization: "O2_AUTHORIZATION_HEADER",
  endpoint: "O2_ENDPOINT",
  stream: "O2_STREAM",
  maxBufferMegabytes: "O2_MAX_BUFFER_SIZE_MB",
  maxBatchKilobytes: "O2_MAX_BATCH_SIZE_KB",
  maxColumns: "O2_MAX_COLUMNS",
  flushInterval: "O2_FLUSH_INTERVAL_MS",
  requestTimeout: "O2_REQUEST_TIMEOUT_MS",
  maxRetries: "O2_MAX_RETRIES",
  initialRetryDelay: "O2_INITIAL_RETRY_DELAY_MS",
  maxRetryDelay: "O2_MAX_RETRY_DELAY_MS",
  compression: "O2_COMPRESSION",
  allowInsecureHttp: "O2_ALLOW_INSECURE_HTTP",
  caCertFile: "O2_CA_CERT_FILE",
  proxy: "O2_PROXY"
}

const names = Object.keys(variableOf) as ReadonlyArray<Option>

const durations: ReadonlySet<Option> = new Set([
  "flushInterval",
  "requestTimeout",
  "initialRetryDelay",
  "maxRetryDelay"
])

/** What is wrong with options that no variable stands for. */
export const problemsOf = ({ shutdownTimeout }: SinkOptions): ReadonlyArray<string> =>
  shutdownTimeout === undefined || isFinite(millisOf(shutdownTimeout) ?? NaN)
    ? []
    : [`shutdownTimeout is not a finite duration: set it to one such as "10 seconds"`]

/** The options as variables, and what is wrong with those that cannot be written as one. */
export const variablesOf = (options: OpenObserveOptions) => {
  const variables: Record<string, string> = {}
  const problems = [...problemsOf(options)]
  for (const name of names) {
    const value: unknown = options[name]
    if (value === undefined) continue
    const ms = durations.has(name) ? millisOf(value) : undefined
    if (durations.has(name) && ms === undefined) {
      problems.push(`${name} is not a duration: set it to one such as "5 seconds", or to a number of milliseconds`)
      // the default, which is right
      continue
    }
    variables[variableOf[name]] = String(ms ?? (Redacted.isRedacted(value) ? Redacted.value(value) : value))
  }
  return { problems, variables }
}

/** Whole milliseconds; `undefined` for what is no duration. */
const millisOf = (input: unknown): number | undefined => {
  if (Number.isNaN(input)) return undefined
  // at run time anything may have been given
  const duration = Result.getOrUndefined(Result.try(() => Duration.fromInputUnsafe(input as Duration.Input)))
  return duration && Math.round(Duration.toMillis(duration))
}

/** The same text in words of who has set options, not variables, and whose program is no function. */
export const inTermsOfOptions = (text: string): string =>
  text
    .replaceAll(/O2_[A-Z_]+/g, (variable) => names.find((name) => variableOf[name] === variable) ?? variable)
    .replace(/a whole number of milliseconds from (\d+) to (\d+)/, "a duration from $1 to $2 milliseconds")
    .replaceAll("the function", "the program")
    .replace(" (in a VPC: a NAT gateway or an endpoint)", "")
