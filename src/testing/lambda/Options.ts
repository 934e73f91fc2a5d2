/** What a user of the emulator sets and gets: options, invocations, calls, events, output. */
import { basename, extname } from "node:path"

/**
 * How the emulated function's runtime is started: `Handler` is a JavaScript module for the built-in Node.js runtime
 * (`export` is `handler` when absent), `Bootstrap` an executable that speaks the Runtime API.
 *
 * @category models
 * @since 0.2.0
 */
export type RuntimeOptions =
  | { readonly _tag: "Handler"; readonly file: string; readonly export?: string }
  | { readonly _tag: "Bootstrap"; readonly file: string }

/**
 * The value of `AWS_LAMBDA_INITIALIZATION_TYPE`.
 *
 * @category models
 * @since 0.2.0
 */
export type InitializationType = "on-demand" | "provisioned-concurrency" | "snap-start" | "lambda-managed-instances"

/**
 * Why an environment is shut down, in the words of the SHUTDOWN event.
 *
 * @category models
 * @since 0.2.0
 */
export type ShutdownReason = "spindown" | "timeout" | "failure"

/**
 * Settings of one emulated execution environment; everything but the first two has Lambda's default.
 *
 * @category models
 * @since 0.2.0
 */
export interface LambdaEmulatorOptions {
  /** Stands for `/opt/extensions`: every entry that is not a directory is started as an external extension. */
  readonly extensionsDirectory: string
  readonly runtime: RuntimeOptions
  /** The customer's variables; they reach the runtime and the extensions. Nothing of the test's own environment does. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** `PATH` of the processes; Lambda's when absent: `/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin`. */
  readonly path?: string | undefined
  /** Default `demo-function`. */
  readonly functionName?: string | undefined
  /** Default `$LATEST`. */
  readonly functionVersion?: string | undefined
  /** Default `eu-west-1`. */
  readonly region?: string | undefined
  /** Default `111122223333`. */
  readonly accountId?: string | undefined
  /** Told to the processes, not enforced; default 128. */
  readonly memorySizeMB?: number | undefined
  /** The function's time-out; default 3000. */
  readonly timeoutMs?: number | undefined
  /** Default 10 000 on demand, else 130 000 or the function's time-out, whichever is longer. */
  readonly initTimeoutMs?: number | undefined
  /** What a shutdown with external extensions may take before SIGKILL; default 2000. */
  readonly shutdownBudgetMs?: number | undefined
  /** Default `on-demand`. */
  readonly initializationType?: InitializationType | undefined
  /** Calls that the built-in runtime serves at once on Managed Instances; default 4. */
  readonly maxConcurrency?: number | undefined
  /** Default `Text`; always `JSON` on Managed Instances. */
  readonly logFormat?: "Text" | "JSON" | undefined
  /** Stops all processes between invocations and holds telemetry back meanwhile; default true, false on Managed Instances. */
  readonly freeze?: boolean | undefined
  /** How the Telemetry API answers subscriptions; default `available`. */
  readonly telemetryApi?:
    | "available"
    | "not-supported-202"
    | "missing-404"
    | "closed-403"
    | "error-500"
    | "rejects-schema-400"
    | undefined
  /** The schema versions the Telemetry API takes; all that the initialization type knows when absent. */
  readonly telemetrySchemaVersions?: ReadonlyArray<string> | undefined
  /** How the Logs API answers subscriptions; default `available`, `missing-404` on Managed Instances. */
  readonly logsApi?: "available" | "not-supported-202" | "missing-404" | undefined
  /** Cuts a record larger than `maxBytes` in the middle, as production was seen to do; default false. */
  readonly cutRecordsAtMaxBytes?: boolean | undefined
  /** Bytes of undelivered events kept for one subscriber before events are dropped; default 16 MiB. */
  readonly telemetryBufferBytes?: number | undefined
  /** Hands INVOKE to the extensions this long after the runtime has got the invocation; default 0. */
  readonly invokeDelayMs?: number | undefined
  /** `never`: the end of no call is told, as when events get lost on their way; default `on-time`. */
  readonly runtimeDone?: "on-time" | "never" | undefined
  /** Whether `platform.initStart` names the sandbox; older ones and snapshots do not. Default true. */
  readonly tellsInstanceId?: boolean | undefined
  /** `never`: the last `platform.report` does not arrive before the end; default `on-time`. */
  readonly lastReport?: "on-time" | "never" | undefined
  /** Creates the delivery of the last report this long after SHUTDOWN has been handed out; before it when absent. */
  readonly reportDelayAfterShutdownMs?: number | undefined
  /**
   * What to do on a machine that does not know `sandbox.localdomain`, the name that AWS's samples bind to and subscribe
   * with: `auto` makes it known to the extensions where Linux lets it, `never` starts them as they are. Default `auto`.
   */
  readonly resolveSandboxHost?: "auto" | "never" | undefined
  /**
   * What the extensions see as `/opt`, for those that look for their files there; `extensionsDirectory` usually lies in
   * it. Takes Linux and the right to make mount namespaces; without that the emulator fails at once.
   */
  readonly optDirectory?: string | undefined
  /** Stands for `/tmp` (exported as `TMPDIR`) and survives resets; a new one is made, and removed at the end, when absent. */
  readonly temporaryDirectory?: string | undefined
}

/** With every member present. */
type Known<A> = { readonly [K in keyof A]-?: Exclude<A[K], undefined> }

/** The options with every default filled in. */
export interface EmulatorSettings
  extends Known<Omit<LambdaEmulatorOptions, "optDirectory" | "reportDelayAfterShutdownMs">>
{
  readonly optDirectory: string | undefined
  readonly reportDelayAfterShutdownMs: number | undefined
  readonly handler: string
  readonly isManaged: boolean
}

/** Enough to let calls interleave on Managed Instances. */
const defaultMaxConcurrency = 4

const lambdaPath = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"

/** Lambda's limit of an on-demand init, in ms. */
const onDemandInitTimeoutMs = 10_000

/** Lambda's least limit of every other kind of init, in ms; a longer function timeout raises it. */
const plannedInitTimeoutMs = 130_000

/** Not documented by AWS; large enough that only a subscriber that is really stuck loses events. */
const defaultTelemetryBufferBytes = 16 * 1024 * 1024

const handlerName = (runtime: RuntimeOptions): string =>
  runtime._tag === "Handler"
    ? `${basename(runtime.file, extname(runtime.file))}.${runtime.export ?? "handler"}`
    : basename(runtime.file)

/** Fills in Lambda's defaults. */
export const resolveOptions = (options: LambdaEmulatorOptions, temporaryDirectory: string): EmulatorSettings => {
  const initializationType = options.initializationType ?? "on-demand"
  const isManaged = initializationType === "lambda-managed-instances"
  const timeoutMs = options.timeoutMs ?? 3000
  return {
    extensionsDirectory: options.extensionsDirectory,
    runtime: options.runtime,
    handler: handlerName(options.runtime),
    environment: options.environment ?? {},
    path: options.path ?? lambdaPath,
    functionName: options.functionName ?? "demo-function",
    functionVersion: options.functionVersion ?? "$LATEST",
    region: options.region ?? "eu-west-1",
    accountId: options.accountId ?? "111122223333",
    memorySizeMB: options.memorySizeMB ?? 128,
    timeoutMs,
    initTimeoutMs: options.initTimeoutMs ??
      (initializationType === "on-demand" ? onDemandInitTimeoutMs : Math.max(plannedInitTimeoutMs, timeoutMs)),
    shutdownBudgetMs: options.shutdownBudgetMs ?? 2000,
    initializationType,
    isManaged,
    maxConcurrency: options.maxConcurrency ?? defaultMaxConcurrency,
    // Managed Instances know no other format (Lambda developer guide, "Lambda Managed Instances")
    logFormat: isManaged ? "JSON" : options.logFormat ?? "Text",
    freeze: !isManaged && (options.freeze ?? true),
    telemetryApi: options.telemetryApi ?? "available",
    telemetrySchemaVersions: options.telemetrySchemaVersions ??
      (isManaged ? ["2025-01-29"] : ["2022-07-01", "2022-12-13", "2025-01-29"]),
    logsApi: isManaged ? "missing-404" : options.logsApi ?? "available",
    cutRecordsAtMaxBytes: options.cutRecordsAtMaxBytes ?? false,
    telemetryBufferBytes: options.telemetryBufferBytes ?? defaultTelemetryBufferBytes,
    invokeDelayMs: options.invokeDelayMs ?? 0,
    runtimeDone: options.runtimeDone ?? "on-time",
    tellsInstanceId: options.tellsInstanceId ?? true,
    lastReport: options.lastReport ?? "on-time",
    reportDelayAfterShutdownMs: options.reportDelayAfterShutdownMs,
    optDirectory: options.optDirectory,
    resolveSandboxHost: options.resolveSandboxHost ?? "auto",
    temporaryDirectory
  }
}
