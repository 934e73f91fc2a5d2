/**
 * Every setting: name, what it means, what is accepted, its default. One row a setting; `Config.ts` reads them and
 * `docs/configuration.md` lists them (a test compares the two).
 */
import type * as Schema from "effect/Schema"
import {
  endpoint,
  flag,
  headerValue,
  oneOf,
  pathSegment,
  streamName,
  telemetryTypeList,
  wholeNumber
} from "./SettingSchemas.ts"

/** One setting as a person sees it, and how its text becomes a value. */
export interface Setting<A> {
  readonly name: string
  readonly description: string
  /** What to write; completes "set it to …". */
  readonly accepts: string
  /** The text that stands for an unset or blank variable; `undefined` where the variable is required. */
  readonly fallback: string | undefined
  /** Decodes the variable's text; an issue's message completes "NAME …" and never quotes the value. */
  readonly schema: Schema.Codec<A, string>
}

const setting = <A>(setting: Setting<A>): Setting<A> => setting

const milliseconds = (minimum: number, maximum: number) => ({
  accepts: `a whole number of milliseconds from ${minimum} to ${maximum}`,
  schema: wholeNumber(minimum, maximum)
})

const switchedBy = { accepts: "true or false", schema: flag }

/** All settings, in the order in which the documentation lists them. */
export const settings = {
  organizationId: setting({
    name: "O2_ORGANIZATION_ID",
    description: "Organization identifier in OpenObserve (`default` on a fresh server).",
    accepts: "the identifier shown in OpenObserve under Organizations",
    fallback: undefined,
    schema: pathSegment
  }),
  authorization: setting({
    name: "O2_AUTHORIZATION_HEADER",
    description: "Value of the `Authorization` header, sent as it is. Never logged.",
    accepts: "\"Basic \" followed by base64 of user:password or user:token",
    fallback: undefined,
    schema: headerValue
  }),
  endpoint: setting({
    name: "O2_ENDPOINT",
    description: "Base URL of OpenObserve. HTTPS; plain HTTP only to loopback or with `O2_ALLOW_INSECURE_HTTP`.",
    accepts: "a base URL such as https://api.openobserve.ai",
    fallback: "https://api.openobserve.ai",
    schema: endpoint
  }),
  stream: setting({
    name: "O2_STREAM",
    description: "Stream that receives the records.",
    accepts: "a stream name other than \"streams\"",
    fallback: "default",
    schema: streamName
  }),
  maxBufferMegabytes: setting({
    name: "O2_MAX_BUFFER_SIZE_MB",
    description: "MiB of memory for records at most, in all stages together. When full, the oldest go first, counted.",
    accepts: "a whole number of MiB from 1 to 512",
    fallback: "10",
    schema: wholeNumber(1, 512)
  }),
  requestTimeoutMs: setting({
    name: "O2_REQUEST_TIMEOUT_MS",
    description: "Time-out of one attempt, from connecting to the last byte of the answer.",
    fallback: "30000",
    ...milliseconds(10, 900_000)
  }),
  maxRetries: setting({
    name: "O2_MAX_RETRIES",
    description: "Attempts after the first before a batch goes back to the buffer.",
    accepts: "a whole number from 0 to 100",
    fallback: "3",
    schema: wholeNumber(0, 100)
  }),
  initialRetryDelayMs: setting({
    name: "O2_INITIAL_RETRY_DELAY_MS",
    description: "Delay before the first retry; doubles with each (±20 % at random).",
    fallback: "1000",
    ...milliseconds(1, 900_000)
  }),
  maxRetryDelayMs: setting({
    name: "O2_MAX_RETRY_DELAY_MS",
    description: "Longest delay between two attempts.",
    fallback: "30000",
    ...milliseconds(1, 900_000)
  }),
  maxBatchKilobytes: setting({
    name: "O2_MAX_BATCH_SIZE_KB",
    description: "KiB of records in one request, before compression. Half of the buffer at most.",
    accepts: "a whole number of KiB from 1 to 10240",
    fallback: "1024",
    schema: wholeNumber(1, 10_240)
  }),
  flushStrategy: setting({
    name: "O2_FLUSH_STRATEGY",
    description:
      "When records leave: at the `end` of each call, `continuous`ly while calls run, `periodic`ally in long calls, or `adaptive`: what suits the traffic.",
    accepts: "adaptive, end, continuous or periodic",
    fallback: "adaptive",
    schema: oneOf(["adaptive", "end", "continuous", "periodic"])
  }),
  flushIntervalMs: setting({
    name: "O2_FLUSH_INTERVAL_MS",
    description: "Age at which records leave while a call still runs.",
    fallback: "5000",
    ...milliseconds(10, 900_000)
  }),
  flushBudgetMs: setting({
    name: "O2_FLUSH_BUDGET_MS",
    description: "Longest wait for OpenObserve after a call, always ending 500 ms before the function's deadline.",
    fallback: "2000",
    ...milliseconds(100, 60_000)
  }),
  telemetryTypes: setting({
    name: "O2_TELEMETRY_TYPES",
    description:
      "What is sent. (`platform` is always received, since request ids and lifecycle come from it.) This extension's own lines are never sent.",
    accepts: "a comma-separated list of platform, function, extension",
    fallback: "platform,function",
    schema: telemetryTypeList
  }),
  compression: setting({
    name: "O2_COMPRESSION",
    description: "How requests are compressed.",
    accepts: "gzip or none",
    fallback: "gzip",
    schema: oneOf(["gzip", "none"])
  }),
  logLevel: setting({
    name: "O2_LOG_LEVEL",
    description: "What this extension logs about itself, as JSON lines on its own stdout.",
    accepts: "debug, info, warn, error or none",
    fallback: "info",
    schema: oneOf(["debug", "info", "warn", "error", "none"])
  }),
  onConfigError: setting({
    name: "O2_ON_CONFIG_ERROR",
    description:
      "`fail`: a wrong setting fails the function's start, visibly. `pass-through`: the function runs without logs.",
    accepts: "fail or pass-through",
    fallback: "fail",
    schema: oneOf(["fail", "pass-through"])
  }),
  hasMetadata: setting({
    name: "O2_METADATA",
    description:
      "Adds `faas_name`, `faas_version`, `faas_instance`, `faas_coldstart`, `cloud_region`, `cloud_account_id`.",
    fallback: "true",
    ...switchedBy
  }),
  preservesOrder: setting({
    name: "O2_PRESERVE_ORDER",
    description: "Gives lines of one millisecond 0, 1, 2, … µs, so that OpenObserve shows them in order.",
    fallback: "true",
    ...switchedBy
  }),
  allowsInsecureHttp: setting({
    name: "O2_ALLOW_INSECURE_HTTP",
    description: "Allows plain HTTP to hosts other than loopback; credentials and logs then travel unencrypted.",
    fallback: "false",
    ...switchedBy
  })
} as const
