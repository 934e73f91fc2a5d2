/** What a sink without Lambda can be told, and the settings that it stands for: both are checked by the same rules. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { ConfigurationError } from "../config/Config.ts"
import type { Processor } from "../processors/Processor.ts"

/**
 * What no environment variable says.
 *
 * @since 0.2.0
 * @category models
 */
export interface EnvironmentOptions {
  /** Members of every record, unless it has them itself. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>>
  /** What is done to each record before it is buffered, in this order. */
  readonly processors?: ReadonlyArray<Processor>
  /** How long closing the scope may take while records are left. Default 10 seconds. */
  readonly shutdownTimeout?: Duration.Input
}

/**
 * A server and how it is used. Each is one of the extension's settings, which docs/configuration.md explains; the default is
 * that of the setting.
 *
 * @since 0.2.0
 * @category models
 */
export interface OpenObserveOptions extends EnvironmentOptions {
  /** `O2_ORGANIZATION_ID`. */
  readonly organizationId: string
  /** `O2_AUTHORIZATION_HEADER`: `Basic ` and base64 of `user:password` or `user:token`. */
  readonly authorization: Redacted.Redacted
  /** `O2_ENDPOINT`: base URL. */
  readonly endpoint?: string | URL
  /** `O2_STREAM`. */
  readonly stream?: string
  /** `O2_MAX_BUFFER_SIZE_MB`: memory for records at most, in MiB. */
  readonly maxBufferMegabytes?: number
  /** `O2_MAX_BATCH_SIZE_KB`: body of a request before compression, in KiB. */
  readonly maxBatchKilobytes?: number
  /** `O2_MAX_COLUMNS`: columns that a request may have. */
  readonly maxColumns?: number
  /** `O2_FLUSH_INTERVAL_MS`: records leave when they are older, or when a batch is full. */
  readonly flushInterval?: Duration.Input
  /** `O2_REQUEST_TIMEOUT_MS`: one attempt. */
  readonly requestTimeout?: Duration.Input
  /** `O2_MAX_RETRIES`: attempts after the first. */
  readonly maxRetries?: number
  /** `O2_INITIAL_RETRY_DELAY_MS`. */
  readonly initialRetryDelay?: Duration.Input
  /** `O2_MAX_RETRY_DELAY_MS`. */
  readonly maxRetryDelay?: Duration.Input
  /** `O2_COMPRESSION`. */
  readonly compression?: "gzip" | "none"
  /** `O2_ALLOW_INSECURE_HTTP`. */
  readonly allowInsecureHttp?: boolean
  /** `O2_CA_CERT_FILE`: authorities besides those that are known anyway. */
  readonly caCertFile?: string
  /** `O2_PROXY`: `http://[user:password@]host:port`. The variables that other programs know are not read. */
  readonly proxy?: string | Redacted.Redacted
}

type Option = Exclude<keyof OpenObserveOptions, keyof EnvironmentOptions>

const variables: Readonly<Record<Option, string>> = {
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

const names = Object.keys(variables) as ReadonlyArray<Option>

const durations: ReadonlySet<Option> = new Set([
  "flushInterval",
  "requestTimeout",
  "initialRetryDelay",
  "maxRetryDelay"
])

/** The options as variables. */
export const variablesOf = (options: OpenObserveOptions): Readonly<Record<string, string>> =>
  Object.fromEntries(names.flatMap((name) => {
    const value = options[name]
    return value === undefined ? [] : [[variables[name], textOf(name, value)]]
  }))

const textOf = (name: Option, value: unknown): string => {
  if (Redacted.isRedacted(value)) return String(Redacted.value(value))
  return String(durations.has(name) ? Math.round(Duration.toMillis(value as Duration.Input)) : value)
}

/** The same problems in words of who has set options, not variables. */
export const withOptionNames = ({ problems, reaction }: ConfigurationError): ConfigurationError =>
  new ConfigurationError({
    reaction,
    problems: problems.map((problem) =>
      problem.replaceAll(/O2_[A-Z_]+/g, (variable) => names.find((name) => variables[name] === variable) ?? variable)
    )
  })
