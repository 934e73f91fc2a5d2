/** The environment variables of the emulated processes, built from nothing as Lambda does. */
import { dirname } from "node:path"
import type { EmulatorSettings } from "./Options.ts"

/** The file descriptor that the framed log of the built-in runtime goes through. */
export const telemetryLogDescriptor = 3

// Lambda refuses these as the customer's variables (developer guide, "Reserved environment variables")
const reserved = new Set([
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_MAX_CONCURRENCY",
  "AWS_LAMBDA_METADATA_API",
  "AWS_LAMBDA_METADATA_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_HANDLER",
  "_X_AMZN_TRACE_ID"
])

const logSettings = (settings: EmulatorSettings): Record<string, string> => ({
  AWS_LAMBDA_LOG_FORMAT: settings.logFormat,
  AWS_LAMBDA_LOG_LEVEL: "INFO"
})

const common = (settings: EmulatorSettings, runtimeApi: string): Record<string, string> => ({
  AWS_LAMBDA_RUNTIME_API: runtimeApi,
  AWS_LAMBDA_FUNCTION_NAME: settings.functionName,
  AWS_LAMBDA_FUNCTION_VERSION: settings.functionVersion,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memorySizeMB),
  AWS_LAMBDA_INITIALIZATION_TYPE: settings.initializationType,
  AWS_REGION: settings.region,
  AWS_DEFAULT_REGION: settings.region,
  // SnapStart replaces the keys by a container-credentials endpoint
  ...(settings.initializationType === "snap-start" ? {} : {
    AWS_ACCESS_KEY_ID: "ASIAEMULATOREXAMPLE",
    AWS_SECRET_ACCESS_KEY: "emulator-secret-access-key",
    AWS_SESSION_TOKEN: "emulator-session-token"
  })
})

const replaceable = (settings: EmulatorSettings): Record<string, string> => ({
  PATH: settings.path,
  LD_LIBRARY_PATH: "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  TMPDIR: settings.temporaryDirectory
})

const customer = (settings: EmulatorSettings, isAllowed: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(settings.environment).filter(([name]) => !reserved.has(name) && isAllowed(name)))

/** The environment of an extension: no handler, no log group, no task root, no X-Ray. */
export const extensionEnvironment = (settings: EmulatorSettings, runtimeApi: string): Record<string, string> => ({
  ...replaceable(settings),
  // seen in the Runtime Interface Emulator for Managed Instances only
  ...(settings.isManaged ? logSettings(settings) : {}),
  ...customer(settings, (name) => !name.startsWith("_")),
  ...common(settings, runtimeApi)
})

/** The environment of the runtime. */
export const runtimeEnvironment = (
  settings: EmulatorSettings,
  runtimeApi: string,
  logStreamName: string
): Record<string, string> => ({
  ...replaceable(settings),
  ...logSettings(settings),
  AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
  AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129:2000",
  _AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129",
  _AWS_XRAY_DAEMON_PORT: "2000",
  ...customer(settings, () => true),
  ...common(settings, runtimeApi),
  _HANDLER: settings.handler,
  LAMBDA_TASK_ROOT: dirname(settings.runtime.file),
  LAMBDA_RUNTIME_DIR: "/var/runtime",
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.functionName}`,
  AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
  // a function with an OS-only runtime has neither
  ...(settings.runtime._tag === "Handler"
    ? { AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x", _LAMBDA_TELEMETRY_LOG_FD: String(telemetryLogDescriptor) }
    : {}),
  ...(settings.isManaged ? { AWS_LAMBDA_MAX_CONCURRENCY: String(settings.maxConcurrency) } : {})
})
