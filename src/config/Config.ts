/** Reads and checks the settings: all problems at once, each with its remedy; secrets are `Redacted` from here on. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { AuthorityFile } from "../platform/Authorities.ts"
import type { Proxy } from "../platform/Proxy.ts"
import { textOf } from "../platform/Variable.ts"
import type { Oddity } from "./Authorization.ts"
import type { Choice } from "./ProxyChoice.ts"
import { type Setting, settings } from "./Settings.ts"
import { unknownSettings } from "./UnknownSettings.ts"

/**
 * The settings are not usable. One sentence per problem, naming variable, problem and remedy.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 *
 * const program = Effect.void.pipe(
 *   Effect.provide(OpenObserve.layerEnv()),
 *   Effect.catchTag("ConfigurationError", (error) => Effect.logError("not sent", error.problems))
 * )
 * ```
 */
export class ConfigurationError extends Data.TaggedError("ConfigurationError")<{
  readonly problems: ReadonlyArray<string>
  /** What `O2_ON_CONFIG_ERROR` asks for; `fail` when that is wrong, too. */
  readonly reaction: "fail" | "pass-through"
}> {
  override get message() {
    return `wrong configuration: ${this.problems.join("; ")}`
  }
}

type Values = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer A> ? A : never }

/**
 * The settings after all checks. Sizes in bytes, times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Configuration
  extends Omit<Values, "authorization" | "authorityFile" | "maxBufferMegabytes" | "maxBatchKilobytes" | "proxy">
{
  readonly authorization: Redacted.Redacted
  readonly maxBufferBytes: number
  readonly maxBatchBytes: number
  /** Files with certificates of authorities, whoever means them: many images have one of these variables set. */
  readonly authorityFiles: ReadonlyArray<AuthorityFile>
  /** What stands between us and the endpoint, whoever means it. */
  readonly proxy: Proxy | undefined
  /** What is odd but not wrong, one sentence each; logged once at the start. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * The user's settings, read once from the `ConfigProvider` (the environment unless replaced).
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { ExtensionConfig } from "o2-lambda-extension/Layers"
 *
 * const interval = ExtensionConfig.use((config) => Effect.succeed(config.flushIntervalMs)).pipe(
 *   Effect.provide(ExtensionConfig.layer)
 * )
 * ```
 */
export class ExtensionConfig
  extends Context.Service<ExtensionConfig, Configuration>()("o2-lambda-extension/ExtensionConfig")
{
  static readonly layer = Layer.suspend(() => Layer.effect(ExtensionConfig, read))
  /** Reads the given variables instead of the environment. */
  static readonly layerEnv = (env: Readonly<Record<string, string>>) =>
    ExtensionConfig.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))))
}

/** Not `effect/Config`, which stops at the first problem: an operator wants the whole list. */
const read = Effect.gen(function*() {
  const provider = yield* ConfigProvider.ConfigProvider
  const values: Record<string, unknown> = {}
  const problems: Array<string> = []
  for (const [key, setting] of Object.entries<Setting<unknown>>(settings)) {
    const text = yield* textOf(provider, setting.name)
    const trimmed = (text ?? "").trim()
    // A header is sent as given; everything else may have been pasted with blanks around it.
    const input = trimmed === "" ? setting.fallback : key === "authorization" ? text : trimmed
    if (input === undefined) {
      problems.push(`${setting.name} ${text === undefined ? "is not set" : "is blank"}: set it to ${setting.accepts}`)
      continue
    }
    const value = setting.read(input)
    if (Result.isSuccess(value)) values[key] = value.success
    else problems.push(`${setting.name} ${value.failure}: set it to ${setting.accepts}`)
  }
  const complete = values as unknown as Values
  problems.push(...contradictions(complete))
  const oddity = yield* oddityOf(complete.authorization)
  if (oddity?.isWrong === true) problems.push(sentenceOf(oddity))
  const { proxy, ...proxies } = yield* proxyOf(provider, complete.endpoint)
  problems.push(...proxies.problems ?? [])
  const unknown = yield* unknownSettings(provider)
  if (problems.length > 0) {
    // the setting that is missing may be there under another spelling
    problems.push(...unknown.filter(({ isMisspelt }) => isMisspelt).map(({ text }) => text))
    return yield* new ConfigurationError({ problems, reaction: complete.onConfigError ?? "fail" })
  }
  const { authorityFile, authorization, maxBatchKilobytes, maxBufferMegabytes, platformStream, ...rest } = complete
  const authorityFiles = authorityFile === "" ? [] : [{ variable: settings.authorityFile.name, path: authorityFile }]
  for (const [variable, name = variable] of AUTHORITY_VARIABLES) {
    const path = yield* textOf(provider, name)
    if (path) authorityFiles.push({ variable, path })
  }
  const maxBufferBytes = maxBufferMegabytes * 1024 * 1024
  return {
    ...rest,
    platformStream: platformStream || rest.stream,
    authorization: Redacted.make(authorization, { label: "O2_AUTHORIZATION_HEADER" }),
    maxBufferBytes,
    // With one batch open and one in flight, new records must still find room.
    maxBatchBytes: Math.min(maxBatchKilobytes * 1024, maxBufferBytes / 2),
    authorityFiles,
    proxy,
    warnings: [
      ...(oddity === undefined ? [] : [sentenceOf(oddity)]),
      ...proxies.warnings ?? [],
      ...unknown.map(({ text }) => text)
    ]
  }
})

/** Of Node.js (from which the launcher hides it under another name), of OpenSSL, and of AWS's tools. */
const AUTHORITY_VARIABLES: ReadonlyArray<readonly [variable: string, name?: string]> = [
  ["NODE_EXTRA_CA_CERTS", "_O2LAMBDA_EXTRA_CA_CERTS"],
  ["NODE_EXTRA_CA_CERTS"],
  ["SSL_CERT_FILE"],
  ["AWS_CA_BUNDLE"]
]

/** `Basic ` and base64 with its padding of something with a colon, which nearly everybody has. */
const isUsual = (header: string): boolean =>
  /^Basic (?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(header) &&
  Buffer.from(header.slice("Basic ".length), "base64").includes(":")

/** What is odd about the header, which is `undefined` when it is wrong already. */
const oddityOf = (header: string | undefined): Effect.Effect<Oddity | undefined> =>
  header === undefined || isUsual(header)
    ? Effect.undefined
    : Effect.map(Effect.promise(() => import("./Authorization.ts")), ({ oddity }) => oddity(header))

const sentenceOf = ({ text }: Oddity): string =>
  `${settings.authorization.name} ${text}: OpenObserve expects ${settings.authorization.accepts}`

/** The proxy on the way to the endpoint. Where no variable names one there is nothing to load. */
const proxyOf = Effect.fnUntraced(
  function*(provider: ConfigProvider.ConfigProvider, endpoint: URL | undefined): Effect.fn.Return<Choice> {
    const variables = new Map<string, string>()
    for (const name of ["O2_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]) {
      for (const variable of [name, name.toUpperCase()]) {
        const text = yield* textOf(provider, variable)
        if (text) variables.set(variable, text)
      }
    }
    if (variables.size === 0 || endpoint === undefined || isLoopback(endpoint.hostname)) return {}
    const { choose } = yield* Effect.promise(() => import("./ProxyChoice.ts"))
    return choose(variables, endpoint)
  }
)

/** Problems that only show when two settings are seen together; a setting that is itself wrong is `undefined`. */
const contradictions = (values: Partial<Values>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { initialRetryDelayMs: initial, maxRetryDelayMs: max } = values
  if (initial !== undefined && max !== undefined && initial > max) {
    problems.push(
      `O2_INITIAL_RETRY_DELAY_MS (${initial}) is greater than O2_MAX_RETRY_DELAY_MS (${max}): lower the first or raise the second`
    )
  }
  const { allowsInsecureHttp, endpoint } = values
  if (endpoint?.protocol === "http:" && allowsInsecureHttp === false && !isLoopback(endpoint.hostname)) {
    problems.push(
      "O2_ENDPOINT is plain HTTP, which would send the credentials and logs unencrypted: use https, or set O2_ALLOW_INSECURE_HTTP to true"
    )
  }
  return problems
}

const isLoopback = (host: string): boolean =>
  /^(.+\.)?localhost\.?$/.test(host) || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host)
