/** What a subscription request must look like, and what it asks for. */

/** An accepted subscription. */
export interface Subscription {
  readonly api: "telemetry" | "logs"
  readonly schemaVersion: string
  readonly types: ReadonlyArray<string>
  readonly maxItems: number
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly destination:
    | {
      readonly protocol: "HTTP"
      readonly method: string
      readonly port: number
      readonly host: string
      readonly path: string
    }
    | { readonly protocol: "TCP"; readonly port: number }
}

/** What the answer depends on besides the body. */
export interface SubscriptionRules {
  readonly api: "telemetry" | "logs"
  readonly schemaVersions: ReadonlyArray<string>
  /** The Runtime API's own port, which nobody else can listen on. */
  readonly runtimePort: number
}

type Members = Readonly<Record<string, unknown>>

// limits and defaults of the Telemetry API (developer guide, "Lambda Telemetry API reference")
const limits = {
  maxItems: { least: 1000, usual: 10_000, most: 10_000 },
  maxBytes: { least: 262_144, usual: 262_144, most: 1_048_576 },
  timeoutMs: { least: 25, usual: 1000, most: 30_000 }
} as const

const knownTypes = new Set(["platform", "function", "extension"])
const sandboxHosts = new Set(["sandbox.localdomain", "sandbox"])

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const buffering = (value: unknown, problems: Array<string>) => {
  const given = value === undefined || value === null ? {} : value
  if (!isMembers(given)) {
    problems.push("buffering should be an object")
    return undefined
  }
  const read = (name: keyof typeof limits): number => {
    const { least, most, usual } = limits[name]
    const setting = given[name] ?? usual
    if (typeof setting === "number" && Number.isInteger(setting) && setting >= least && setting <= most) return setting
    problems.push(`buffering.${name} should be an integer between ${least} and ${most}`)
    return usual
  }
  return { maxItems: read("maxItems"), maxBytes: read("maxBytes"), timeoutMs: read("timeoutMs") }
}

// Lambda says the first sentence only
const wrongHost = (uri: string, url: URL, port: string | undefined): string => {
  const meant = `http://sandbox.localdomain:${port ?? "PORT"}${url.pathname}${url.search}`
  return `Only 'sandbox.localdomain' hostname is supported. Write ${meant} instead of ${uri}`
}

const httpDestination = (uri: unknown, method: unknown, rules: SubscriptionRules, problems: Array<string>) => {
  if (typeof uri !== "string" || !URL.canParse(uri)) {
    problems.push("destination.URI should be a valid URI")
    return undefined
  }
  const url = new URL(uri)
  // URL drops an explicit default port, so the text has to be asked
  const port = /^\w+:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/.exec(uri)?.[1]
  if (url.protocol !== "http:") problems.push("Only 'http' scheme is supported.")
  if (!sandboxHosts.has(url.hostname)) problems.push(wrongHost(uri, url, port))
  if (port === undefined) problems.push("URI port is not provided")
  else if (Number(port) === rules.runtimePort) problems.push(`port ${port} is reserved`)
  return {
    protocol: "HTTP" as const,
    // only the Logs API lets the subscriber choose
    method: rules.api === "logs" && method === "PUT" ? "PUT" : "POST",
    port: Number(port),
    host: `${url.hostname}:${port}`,
    path: `${url.pathname}${url.search}`
  }
}

const destination = (value: unknown, rules: SubscriptionRules, problems: Array<string>) => {
  if (!isMembers(value)) {
    problems.push("destination should not be empty")
    return undefined
  }
  if (value["protocol"] === "HTTP") return httpDestination(value["URI"], value["method"], rules, problems)
  if (value["protocol"] !== "TCP") {
    problems.push("destination.protocol should be HTTP or TCP")
    return undefined
  }
  const port = value["port"]
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) {
    return { protocol: "TCP" as const, port }
  }
  problems.push("destination.port should be between 1 and 65535")
  return undefined
}

const parse = (body: string): Members | string => {
  try {
    const value: unknown = JSON.parse(body)
    return isMembers(value) ? value : "request body should be an object"
  } catch (error) {
    return `failed to parse JSON: ${String(error)}`
  }
}

/** Reads a subscription request; answers the text of the 400 when it is not acceptable. */
export const parseSubscription = (body: string, rules: SubscriptionRules): Subscription | string => {
  const request = parse(body)
  if (typeof request === "string") return request
  const problems: Array<string> = []
  const place = destination(request["destination"], rules, problems)
  const schemaVersion = request["schemaVersion"] ?? (rules.api === "logs" ? "2020-08-15" : undefined)
  if (typeof schemaVersion !== "string") problems.push("schemaVersion should not be empty")
  else if (!rules.schemaVersions.includes(schemaVersion)) {
    problems.push(`schemaVersion should be one of ${rules.schemaVersions.join(", ")}`)
  }
  const types: ReadonlyArray<unknown> = Array.isArray(request["types"]) ? request["types"] : []
  if (types.length === 0) problems.push("types should not be empty")
  const unknown = types.filter((type) => typeof type !== "string" || !knownTypes.has(type))
  if (unknown.length > 0) problems.push(`types should be platform, function or extension, not ${unknown.join(", ")}`)
  const limitsAsked = buffering(request["buffering"], problems)
  if (problems.length > 0 || place === undefined || limitsAsked === undefined) return problems.join("; ")
  return {
    api: rules.api,
    schemaVersion: String(schemaVersion),
    types: types.map(String),
    ...limitsAsked,
    destination: place
  }
}
