/** The server behind the socket: what is answered to which request, and what is stored. */
import * as Result from "effect/Result"
import { type Answer, failure, json, text } from "./Answer.ts"
import * as Authentication from "./Authentication.ts"
import { isSupported, UNSUPPORTED } from "./ContentCoding.ts"
import { ingest } from "./Ingest.ts"
import type { JsonValue } from "./JsonValue.ts"
import { isIngestion, route, type ServedRoute } from "./Router.ts"
import { search } from "./Search.ts"
import { parse } from "./SerdeJson.ts"
import type { Store } from "./Store.ts"

/** The rules of one installation. */
export interface ApiOptions {
  readonly credentials: Authentication.Credentials
  readonly isCloud: boolean
  readonly columnLimit: number
}

/** What decides before the body is read: method, path below `/api/` and two headers. */
export interface Head {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly contentEncoding: string | undefined
}

/** How a batch is treated: as a server should, or only counted, or not even that, or without some of its records. */
export type Treatment = "keep" | "count" | "drop" | { readonly refuses: string }

/** An organization name this long crashes the handler (observed on v0.91.5; where it begins is not known). */
const CRASHING_ORGANIZATION_LENGTH = 300

/** Streams OpenObserve Cloud writes itself and refuses from outside (since v0.92.0). */
const RESERVED_STREAMS = new Set(["usage", "stats", "triggers", "errors", "data_retention_usage", "slo_slices"])

/** Answers before the body is read, in the server's order: coding, credentials, organization, route. */
export const beforeBody = (store: Store, options: ApiOptions, head: Head): Answer | ServedRoute => {
  const found = route(head.method, head.path)
  if (!isSupported(head.contentEncoding)) return UNSUPPORTED
  const refusal = Authentication.refuse(head.authorization, options.credentials, isIngestion(found))
  if (refusal !== undefined) return refusal
  if (found.kind === "nothing") return found.answer
  // A root user's post creates the organization, an empty batch included.
  const creates = found.kind === "json" || found.kind === "multi"
  if (!creates && !store.hasOrganization(found.organization)) return text(404, "Organization not found")
  return found
}

/** Answers a request whose body is in; `"panic"` when the server would drop the connection. */
export const afterBody = (
  store: Store,
  options: ApiOptions,
  route: ServedRoute,
  body: Uint8Array,
  treatment: Treatment
): Answer | "panic" => {
  switch (route.kind) {
    case "json":
    case "multi":
      return ingestion(store, options, route, body, treatment)
    case "search":
      return search(store, route.organization, body)
    case "handshake": {
      const answer = json(200, { name: "OpenObserve", cluster_name: "", version: { number: "v0.91.5" } })
      return { ...answer, headers: { ...answer.headers, "x-elastic-product": "Elasticsearch" } }
    }
    case "streams":
      return streams(store, route.organization)
    case "summary":
      return summary(store, route.organization)
    case "passcode":
      return json(200, { data: { passcode: options.credentials.passcode, user: options.credentials.user } })
  }
}

const ingestion = (
  store: Store,
  options: ApiOptions,
  { kind, organization, stream }: Extract<ServedRoute, { readonly kind: "json" | "multi" }>,
  body: Uint8Array,
  treatment: Treatment
): Answer | "panic" => {
  if (organization.length >= CRASHING_ORGANIZATION_LENGTH) return "panic"
  if (organization === "") return failure(400, "Error# Quota exceeded for this organization []")
  store.addOrganization(organization)
  if (stream === "") return failure(400, "Error# Stream name is empty")
  if (options.isCloud && RESERVED_STREAMS.has(stream)) {
    return failure(400, `Error# stream '${stream}' is reserved and cannot be ingested into`)
  }
  const values = kind === "json" ? parseJson(body) : parseMulti(body)
  if (Result.isFailure(values)) return failure(400, values.failure)
  if (treatment === "drop") return counted(stream, { successful: 0, failed: 0, error: undefined })
  const target = {
    organization,
    stream,
    columnLimit: options.columnLimit,
    keeps: treatment !== "count",
    refuses: typeof treatment === "object" ? treatment.refuses : undefined
  }
  const counters = ingest(store, target, values.success)
  return counters === "panic" ? counters : counted(stream, counters)
}

const counted = (name: string, { error, failed, successful }: Exclude<ReturnType<typeof ingest>, "panic">): Answer =>
  json(200, { code: 200, status: [{ name, successful, failed, ...(error !== undefined && { error }) }] })

const parseJson = (body: Uint8Array): Result.Result<ReadonlyArray<JsonValue>, string> =>
  parse(body).pipe(
    Result.map((value) => Array.isArray(value) ? value : [value]),
    Result.mapError((error) => `SerdeJsonError# ${error.message}`)
  )

/** One object a line, blank lines skipped; a bad line fails the whole request. */
const parseMulti = (body: Uint8Array): Result.Result<ReadonlyArray<JsonValue>, string> => {
  const values: Array<JsonValue> = []
  for (const line of Buffer.from(body).toString("latin1").split("\n")) {
    if (line.trim() === "") continue
    const value = parse(Buffer.from(line, "latin1"))
    if (Result.isFailure(value)) {
      const { column, line, reason } = value.failure
      const shown = `Error(${JSON.stringify(reason)}, line: ${line}, column: ${column})`
      return Result.fail(`Error# Failed processing: JsonError(${shown})`)
    }
    values.push(value.success)
  }
  return Result.succeed(values)
}

const streams = (store: Store, organization: string): Answer => {
  const list = store.streams(organization).map((name) => ({
    name,
    storage_type: "disk",
    stream_type: "logs",
    stats: { doc_num: store.count(organization, name) },
    schema: [],
    settings: {}
  }))
  return json(200, { list, total: list.length })
}

const summary = (store: Store, organization: string): Answer => {
  const nothing = { num_realtime: 0, num_scheduled: 0, trigger_status: { healthy: 0, failed: 0, warning: 0 } }
  return json(200, {
    streams: {
      num_streams: store.streams(organization).length,
      // The server counts what has reached its files, which takes minutes.
      total_records: 0,
      total_storage_size: 0,
      total_compressed_size: 0,
      total_index_size: 0
    },
    pipelines: nothing,
    alerts: nothing,
    total_functions: 0,
    total_dashboards: 0
  })
}
