/** One OpenObserve that a whole fleet sends to: away for a while, and counting requests per second of virtual time. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { Transport, TransportError } from "../../src/platform/Transport.ts"
import type { TransportRequest, TransportResponse } from "../../src/platform/Transport.ts"

/** What it does while it is away: connections are refused at once, or requests never get an answer. */
export type Absence = "refuses" | "hangs"

/** When what happens, in ms since the start of the simulation. */
export interface Timeline {
  /** From here on requests count as the steady rate: before, many sandboxes have not been called yet. */
  readonly steadyFrom: number
  readonly awayFrom: number
  readonly backFrom: number
  readonly end: number
}

/** Time until a request is answered, in ms: at random between the two. */
const LEAST_LATENCY_MS = 10
const GREATEST_LATENCY_MS = 60

interface StoredRecord {
  /** In µs since the epoch. */
  readonly _timestamp: number
}

/** What the server has stored of one sandbox. */
export class StoredRecords {
  private readonly seen = new Set<string>()
  duplicated = 0
  /** Epoch ms at which the last record was stored that is older than the return; `-Infinity` where there was none. */
  backlogGoneAt = -Infinity

  /** Number of different records. */
  get size(): number {
    return this.seen.size
  }

  add(record: StoredRecord, now: number, backAt: number): void {
    const key = JSON.stringify(record)
    if (this.seen.has(key)) this.duplicated++
    this.seen.add(key)
    if (record._timestamp < backAt * 1000 && now >= backAt) this.backlogGoneAt = now
  }
}

/** The server. Sandboxes meet nowhere but here, and here only in the counts: each can be simulated by itself. */
export interface FleetServer {
  /** Requests in each second of the simulation, answered or not. */
  readonly requests: Uint32Array
  /** The way of one sandbox to the server. */
  readonly transport: (stored: StoredRecords) => Layer.Layer<Transport>
}

/** A server whose timeline begins at `epoch`. */
export const makeFleetServer = (epoch: number, timeline: Timeline, absence: Absence): FleetServer => {
  const { awayFrom, backFrom, end } = timeline
  const requests = new Uint32Array(Math.ceil(end / 1000))
  const exchange = Effect.fnUntraced(
    function*(request: TransportRequest, stored: StoredRecords): Effect.fn.Return<TransportResponse, TransportError> {
      const now = yield* Clock.currentTimeMillis
      const at = now - epoch
      if (at < end) requests[Math.floor(at / 1000)]!++
      if (at >= awayFrom && at < backFrom) {
        if (absence === "hangs") {
          request.onConnected?.()
          return yield* Effect.never
        }
        return yield* new TransportError({
          code: "ECONNREFUSED",
          host: request.url.host,
          isSent: false,
          isStale: false
        })
      }
      const records: ReadonlyArray<StoredRecord> = JSON.parse(String(request.body))
      for (const record of records) stored.add(record, now, epoch + backFrom)
      yield* Effect.sleep(yield* Random.nextIntBetween(LEAST_LATENCY_MS, GREATEST_LATENCY_MS))
      return {
        status: 200,
        headers: {},
        body: JSON.stringify({ code: 200, status: [{ name: "default", successful: records.length, failed: 0 }] })
      }
    }
  )
  return {
    requests,
    transport: (stored) =>
      Layer.succeed(Transport, { exchange: (request) => exchange(request, stored), dropIdle: Effect.void })
  }
}
