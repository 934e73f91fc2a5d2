/** The subscription routes of the Telemetry and Logs APIs, with the ways in which they can be missing. */
import type { Exchange } from "./Exchange.ts"
import { identify } from "./ExtensionRoutes.ts"
import { isDeepStrictEqual } from "node:util"
import type { RouteContext } from "./RouteContext.ts"
import { parseSubscription } from "./Subscription.ts"

type Api = "telemetry" | "logs"

const titles = { telemetry: "Telemetry", logs: "Logs" } as const
const logsSchemaVersions = ["2020-08-15", "2021-03-18"]

const closed = (api: Api, exchange: Exchange): void =>
  exchange.refuse(403, `${titles[api]}.SubscriptionClosed`, `${titles[api]} API subscription is closed already`)

const invalid = (api: Api, exchange: Exchange, errorMessage: string): void =>
  exchange.json(400, { errorType: api === "logs" ? "Logs.ValidationError" : "ValidationError", errorMessage })

// Answers given before anything of the request has been looked at.
const unavailable = (api: Api, mode: string, exchange: Exchange): boolean => {
  switch (mode) {
    case "not-supported-202":
      exchange.json(202, {
        errorMessage: `${titles[api]} API is not supported`,
        errorType: `${titles[api]}.NotSupported`
      })
      return true
    case "missing-404":
      exchange.answer(404, "text/plain; charset=utf-8", "404 page not found\n")
      return true
    default:
      return false
  }
}

/** Serves a subscription request: identifier, then body, then whether subscribing is still possible. */
export const subscribe = (api: Api, context: RouteContext, exchange: Exchange): void => {
  const { generation, runtimePort, settings, stream } = context
  const mode = api === "telemetry" ? settings.telemetryApi : settings.logsApi
  if (unavailable(api, mode, exchange)) return
  const agent = identify(generation, exchange)
  if (agent === undefined) return
  if (mode === "error-500") return exchange.refuse(500, "InternalServerError", "Internal Server Error")
  const schemaVersions = api === "logs" ? logsSchemaVersions : settings.telemetrySchemaVersions
  const subscription = parseSubscription(exchange.call.body, {
    api,
    runtimePort,
    schemaVersions: mode === "rejects-schema-400" ? [] : schemaVersions
  })
  if (typeof subscription === "string") return invalid(api, exchange, subscription)
  if (mode === "closed-403" || !stream.isSubscribing) return closed(api, exchange)
  const existing = stream.subscriptionOf(agent.name)
  // the same once more changes nothing (developer guide, "Lambda Logs API"), another one is not possible
  if (existing !== undefined && !isDeepStrictEqual(existing, subscription)) {
    return exchange.refuse(500, "InternalServerError", "Internal Server Error")
  }
  exchange.answer(200, "text/plain; charset=utf-8", "\"OK\"")
  if (existing === undefined) stream.subscribe(agent.name, subscription)
}
