/**
 * Every setting: name, what is accepted, its default. One row a setting; `Config.ts` reads them, `SettingDescriptions.ts`
 * says what they mean, and `docs/configuration.md` lists them (a test compares the three).
 */
import * as Result from "effect/Result"
import {
  endpoint,
  filePath,
  flag,
  headerValue,
  oneOf,
  optionalStreamName,
  pathSegment,
  type Reader,
  streamName,
  telemetryTypeList,
  wholeNumber
} from "./SettingReaders.ts"

/** One setting as a person sees it, and how its text becomes a value. */
export interface Setting<A> {
  readonly name: string
  /** What to write; completes "set it to …". */
  readonly accepts: string
  /** The text that stands for an unset or blank variable; `undefined` where the variable is required. */
  readonly fallback: string | undefined
  readonly read: Reader<A>
}

const setting = <A>(setting: Setting<A>): Setting<A> => setting

const milliseconds = (minimum: number, maximum: number) => ({
  accepts: `a whole number of milliseconds from ${minimum} to ${maximum}`,
  read: wholeNumber(minimum, maximum)
})

const switchedBy = { accepts: "true or false", read: flag }

/** All settings, in the order in which the documentation lists them. */
export const settings = {
  organizationId: setting({
    name: "O2_ORGANIZATION_ID",
    accepts: "the identifier shown in OpenObserve under Organizations",
    fallback: undefined,
    read: pathSegment
  }),
  authorization: setting({
    name: "O2_AUTHORIZATION_HEADER",
    accepts: "\"Basic \" followed by base64 of user:password or user:token",
    fallback: undefined,
    read: headerValue
  }),
  endpoint: setting({
    name: "O2_ENDPOINT",
    accepts: "a base URL such as https://api.openobserve.ai",
    fallback: "https://api.openobserve.ai",
    read: endpoint
  }),
  stream: setting({
    name: "O2_STREAM",
    accepts: "a stream name other than \"streams\"",
    fallback: "default",
    read: streamName
  }),
  platformStream: setting({
    name: "O2_PLATFORM_STREAM",
    accepts: "a stream name other than \"streams\"",
    fallback: "",
    read: optionalStreamName
  }),
  maxBufferMegabytes: setting({
    name: "O2_MAX_BUFFER_SIZE_MB",
    accepts: "a whole number of MiB from 1 to 512",
    fallback: "10",
    read: wholeNumber(1, 512)
  }),
  requestTimeoutMs: setting({
    name: "O2_REQUEST_TIMEOUT_MS",
    fallback: "30000",
    ...milliseconds(10, 900_000)
  }),
  maxRetries: setting({
    name: "O2_MAX_RETRIES",
    accepts: "a whole number from 0 to 100",
    fallback: "3",
    read: wholeNumber(0, 100)
  }),
  initialRetryDelayMs: setting({
    name: "O2_INITIAL_RETRY_DELAY_MS",
    fallback: "1000",
    ...milliseconds(1, 900_000)
  }),
  maxRetryDelayMs: setting({
    name: "O2_MAX_RETRY_DELAY_MS",
    fallback: "30000",
    ...milliseconds(1, 900_000)
  }),
  maxBatchKilobytes: setting({
    name: "O2_MAX_BATCH_SIZE_KB",
    accepts: "a whole number of KiB from 1 to 10240",
    fallback: "1024",
    read: wholeNumber(1, 10_240)
  }),
  maxColumns: setting({
    name: "O2_MAX_COLUMNS",
    accepts: "a whole number from 20 to 10000",
    fallback: "190",
    read: wholeNumber(20, 10_000)
  }),
  flushStrategy: setting({
    name: "O2_FLUSH_STRATEGY",
    accepts: "adaptive, end, continuous or periodic",
    fallback: "adaptive",
    read: oneOf(["adaptive", "end", "continuous", "periodic"])
  }),
  flushIntervalMs: setting({
    name: "O2_FLUSH_INTERVAL_MS",
    fallback: "5000",
    ...milliseconds(10, 900_000)
  }),
  flushBudgetMs: setting({
    name: "O2_FLUSH_BUDGET_MS",
    fallback: "2000",
    ...milliseconds(100, 60_000)
  }),
  telemetryTypes: setting({
    name: "O2_TELEMETRY_TYPES",
    accepts: "a comma-separated list of platform, function, extension",
    fallback: "platform,function",
    read: telemetryTypeList
  }),
  compression: setting({
    name: "O2_COMPRESSION",
    accepts: "gzip or none",
    fallback: "gzip",
    read: oneOf(["gzip", "none"])
  }),
  logLevel: setting({
    name: "O2_LOG_LEVEL",
    accepts: "debug, info, warn, error or none",
    fallback: "info",
    read: oneOf(["debug", "info", "warn", "error", "none"])
  }),
  onConfigError: setting({
    name: "O2_ON_CONFIG_ERROR",
    accepts: "fail or pass-through",
    fallback: "fail",
    read: oneOf(["fail", "pass-through"])
  }),
  hasMetadata: setting({
    name: "O2_METADATA",
    fallback: "true",
    ...switchedBy
  }),
  preservesOrder: setting({
    name: "O2_PRESERVE_ORDER",
    fallback: "true",
    ...switchedBy
  }),
  allowsInsecureHttp: setting({
    name: "O2_ALLOW_INSECURE_HTTP",
    fallback: "false",
    ...switchedBy
  }),
  authorityFile: setting({
    name: "O2_CA_CERT_FILE",
    accepts: "the path of a file",
    fallback: "",
    read: filePath
  }),
  proxy: setting({
    name: "O2_PROXY",
    accepts: "http://[user:password@]host:port or none",
    fallback: "",
    // read beside the variables that all programs know
    read: Result.succeed
  })
} as const
