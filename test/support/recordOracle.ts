/**
 * What the records of a post must be, by the simplest means: parse it all, rebuild each element. The encoder, which
 * splices bytes, is compared with it.
 */
import type { FunctionIdentity } from "../../src/lambda/ExtensionsApi.ts"
import type { PostEncoderOptions } from "../../src/logs/PostEncoder.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** Unpaired surrogate escapes replaced, so that everything parsed from the text is well-formed. */
const wellFormed = (text: string): string =>
  text.replaceAll(
    /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}|\\[^]/g,
    (escape) => escape.length === 6 ? "\\ufffd" : escape
  )

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

const microsOf = (time: unknown): number => {
  const parts = typeof time === "string"
    ? /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?([Zz]|[+-]\d\d(?::?\d\d)?)?$/.exec(time)
    : null
  if (parts === null) return NaN
  const [, date, minute, second = ":00", fraction = "", zone = "Z"] = parts
  const hours = zone.slice(0, 3)
  const offset = /^z$/i.test(zone) ? "Z" : `${hours}:${zone.slice(3).replace(":", "") || "00"}`
  return Date.parse(`${date}T${minute}${second}${offset}`) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6))
}

/** What OpenObserve makes of a top-level key (observed on v0.91.5). */
const column = (key: string): string =>
  Array.from(key, (character) => {
    if (character <= "\u007f") return /\w/.test(character) ? character.toLowerCase() : "_"
    if (/[\p{Lowercase}\p{N}]/u.test(character)) return character
    return /\p{Uppercase}/u.test(character) ? Array.from(character.toLowerCase())[0] : "_"
  }).join("")

/** A record as the oracle expects it, and which of its members are given as JSON text because they are too deep. */
export interface ExpectedRecord {
  readonly fields: Json
  readonly deep: ReadonlySet<string>
}

/** Encodes posts one after the other, as `PostEncoder` must. */
export const makeOracle = (options: PostEncoderOptions, identity: FunctionIdentity) => {
  let requestId: string | undefined
  let instanceId: string | undefined
  let isRestored = false
  let invocations = 0
  let initEnd = NaN
  let isProactive = false
  const perMillisecond = new Map<number, number>()

  const follow = (type: string, record: unknown, micros: number) => {
    if (type === "platform.initReport" || type === "platform.initRuntimeDone") initEnd = micros
    const text = (name: string) =>
      isObject(record) && typeof record[name] === "string" ? record[name] || undefined : undefined
    if (type === "platform.initStart" || type === "platform.restoreStart") {
      const isRestore = type === "platform.restoreStart"
      if (isRestore || !isRestored) instanceId = text("instanceId") ?? (isRestore ? undefined : instanceId)
      initEnd = micros + 10e6
      if (isRestore) {
        invocations = 0
        isProactive = false
      }
      isRestored ||= isRestore
    }
    const id = text("requestId")
    if (id === undefined) return
    if (type === "platform.start") {
      requestId = id
      invocations++
      if (invocations === 1) isProactive = !isRestored && micros - initEnd > 10e6
    }
    if (type === "platform.report" && requestId === id) requestId = undefined
  }

  const timestamp = (micros: number) => {
    if (!options.preservesOrder || micros % 1000 !== 0) return micros
    const count = perMillisecond.get(micros) ?? 0
    perMillisecond.set(micros, count + 1)
    return micros + Math.min(count, 999)
  }

  const isWanted = (type: string, record: unknown) => {
    if (type === "function") return options.types.has("function")
    if (type.startsWith("platform.")) return options.types.has("platform")
    if (type !== "extension") return true
    const text = typeof record === "string" ? record : JSON.stringify(record) ?? ""
    return options.types.has("extension") && !text.startsWith("{\"extension\":\"o2-lambda-extension\",")
  }

  const lineId = (record: unknown) => {
    if (requestId !== undefined && !options.isManagedInstance) return requestId
    if (!isObject(record)) return undefined
    return [record["requestId"], record["AWSRequestId"]].find((id) => typeof id === "string" && id !== "")
  }

  const recordOf = (event: Json, type: string, nowMicros: number): ExpectedRecord => {
    const micros = microsOf(event["time"])
    const isUsable = micros >= nowMicros - 4.9 * 3600e6 && micros <= nowMicros + 23.9 * 3600e6
    const deep = new Set<string>()
    const fields = new Map<string, unknown>([["_timestamp", timestamp(isUsable ? micros : nowMicros)]])
    const columns = new Set<string>()
    for (const [key, value] of Object.entries(event)) {
      if (key === "time" && isUsable) continue
      let name = key
      if (column(key) === "_timestamp") name = "event_timestamp"
      else if (key === "") name = "event"
      else if (column(key) === "_id" && typeof value !== "string" && !isObject(value) && !Array.isArray(value)) {
        name = "event_id"
      }
      columns.add(column(name))
      fields.set(name, value)
      if (depthOf(value) > 100) deep.add(name)
      else deep.delete(name)
    }
    const { hasMetadata, region } = options
    const enrichment = {
      requestId: type === "function" ? lineId(event["record"]) : undefined,
      ...(hasMetadata && {
        faas_name: identity.functionName,
        faas_version: identity.functionVersion,
        faas_instance: instanceId ?? options.newInstanceId?.(),
        faas_coldstart: options.isManagedInstance ? undefined : invocations <= 1 && !isProactive,
        cloud_region: region,
        cloud_account_id: identity.accountId
      })
    }
    for (const [name, value] of Object.entries(enrichment)) {
      if (value !== undefined && !columns.has(column(name))) fields.set(name, value)
    }
    return { fields: Object.fromEntries(fields), deep }
  }

  return (post: Uint8Array, nowMillis: number) => {
    const elements: unknown = JSON.parse(wellFormed(new TextDecoder().decode(post)))
    const records: Array<ExpectedRecord> = []
    let malformed = 0
    for (const event of Array.isArray(elements) ? elements : [elements]) {
      if (!isObject(event)) {
        malformed++
        continue
      }
      const type = typeof event["type"] === "string" ? event["type"] : ""
      if (event["record"] !== undefined) follow(type, event["record"], microsOf(event["time"]))
      if (isWanted(type, event["record"])) records.push(recordOf(event, type, nowMillis * 1000))
    }
    return { records, malformed }
  }
}
