/** One subscriber's buffer and deliveries: one request in flight, the same body until it is taken. */
import { takeBatch, takeLines } from "./Batch.ts"
import type { Batch, Serialized } from "./Batch.ts"
import { now, sleep } from "./Clock.ts"
import type { Destination } from "./Destination.ts"
import { connect } from "./Destination.ts"
import { toLogsApi } from "./LogsApi.ts"
import type { Delivery } from "./Observations.ts"
import type { Subscription } from "./Subscription.ts"
import type { StreamEntry } from "./StreamEntry.ts"

/** An event in the form this subscriber gets, waiting to be sent. */
export interface PendingEvent extends Serialized {
  readonly entry: StreamEntry
  readonly at: number
}

/** What a subscriber needs from the stream it belongs to. */
export interface SubscriberOptions {
  readonly name: string
  readonly subscription: Subscription
  readonly bufferBytes: number
  readonly cutRecords: boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly onDropped: (records: number, bytes: number) => void
}

// AWS documents "retries with backoff" without numbers; short here, since tests wait for them
const firstRetryDelayMs = 50
const longestRetryDelayMs = 1000

/** Buffers events for one destination and sends them in order. */
export class Subscriber {
  readonly name: string
  readonly subscription: Subscription
  readonly destination: Destination
  readonly #options: SubscriberOptions
  #pending: Array<PendingEvent> = []
  #pendingBytes = 0
  #inFlightBytes = 0
  #isSending = false
  #isHeld = false
  #isFlushing = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #dropped = { records: 0, bytes: 0 }
  #changed = deferred()

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.name = options.name
    this.subscription = options.subscription
    this.destination = connect(options.subscription.destination)
  }

  /** Takes an event if it is subscribed to; drops it when the buffer is full. */
  offer(entry: StreamEntry): void {
    const category = entry.event.type.split(".", 1)[0] ?? ""
    if (this.#isClosed || !this.subscription.types.includes(category)) return
    for (const json of this.#serialize(entry)) {
      const bytes = Buffer.byteLength(json)
      if (this.#pendingBytes + this.#inFlightBytes + bytes > this.#options.bufferBytes) {
        this.#dropped.records += 1
        this.#dropped.bytes += bytes
        continue
      }
      this.#pending.push({ entry, json, bytes, sentBytes: 0, at: now() })
      this.#pendingBytes += bytes
    }
    this.#pump()
  }

  /** Takes an event back that has not been sent; answers whether it was still there. */
  withdraw(entry: StreamEntry): boolean {
    const kept = this.#pending.filter((pending) => pending.entry !== entry)
    const isFound = kept.length < this.#pending.length
    this.#pending = kept
    this.#pendingBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0)
    return isFound
  }

  /** Stops sending, as a frozen environment does. */
  hold(): void {
    this.#isHeld = true
    clearTimeout(this.#timer)
  }

  /** Goes on sending; what became due meanwhile leaves at once. */
  release(): void {
    this.#isHeld = false
    this.#signal()
    this.#pump()
  }

  /** Sends without waiting for a batch to fill, from now on, and waits until all is delivered or the time is up. */
  async flush(deadlineMs: number): Promise<void> {
    this.#isFlushing = true
    this.#pump()
    while (!this.#isClosed && (this.#isSending || this.#pending.length > 0) && now() < deadlineMs) {
      await Promise.race([this.#changed.promise, sleep(deadlineMs - now())])
    }
  }

  /** Ends the subscription; what has not been delivered is lost, as with the process that asked for it. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.destination.close()
    this.#signal()
  }

  #serialize(entry: StreamEntry): ReadonlyArray<string> {
    const { api, schemaVersion } = this.subscription
    if (!entry.event.type.startsWith("platform.")) {
      return [api === "logs" || schemaVersion === "2022-07-01" ? entry.textJson : entry.json]
    }
    return api === "logs" ? toLogsApi(entry.event, schemaVersion).map((event) => JSON.stringify(event)) : [entry.json]
  }

  #signal(): void {
    this.#changed.resolve()
    this.#changed = deferred()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    const first = this.#pending[0]
    if (this.#isClosed || this.#isHeld || this.#isSending || first === undefined) return
    const { maxBytes, maxItems, timeoutMs } = this.subscription
    const dueIn = first.at + timeoutMs - now()
    if (this.#isFlushing || dueIn <= 0 || this.#pending.length >= maxItems || this.#pendingBytes >= maxBytes) {
      void this.#send()
    } else {
      this.#timer = setTimeout(() => this.#pump(), dueIn)
    }
  }

  async #send(): Promise<void> {
    this.#isSending = true
    const { batch, remainder, taken } = this.subscription.destination.protocol === "TCP"
      ? takeLines(this.#pending, this.subscription)
      : takeBatch(this.#pending, this.subscription, this.#options.cutRecords)
    const leaving = this.#pending.splice(0, taken, ...remainder === undefined ? [] : [remainder])
    this.#inFlightBytes = leaving.reduce((sum, { bytes }) => sum + bytes, 0) - (remainder?.bytes ?? 0)
    this.#pendingBytes -= this.#inFlightBytes
    await this.#deliver(batch)
    this.#inFlightBytes = 0
    this.#isSending = false
    this.#reportDropped()
    this.#signal()
    this.#pump()
  }

  async #deliver(batch: Batch): Promise<void> {
    let delayMs = firstRetryDelayMs
    for (let attempt = 1; !this.#isClosed; attempt++) {
      const status = await this.destination.post(batch.body)
      if (this.#isClosed && status === "failed") return
      this.#options.onDelivery({
        at: now(),
        subscriber: this.name,
        status,
        events: batch.events,
        bytes: batch.body.length,
        attempt
      })
      if (status !== "failed" && status >= 200 && status < 300) return
      await Promise.race([sleep(delayMs), this.#untilClosed()])
      delayMs = Math.min(delayMs * 2, longestRetryDelayMs)
      while (this.#isHeld && !this.#isClosed) await this.#changed.promise
    }
  }

  async #untilClosed(): Promise<void> {
    while (!this.#isClosed) await this.#changed.promise
  }

  #reportDropped(): void {
    const { bytes, records } = this.#dropped
    if (records === 0 || this.#isClosed) return
    this.#dropped = { records: 0, bytes: 0 }
    this.#options.onDropped(records, bytes)
  }
}

/** A promise and its resolver; `Promise.withResolvers` is younger than Node.js 20. */
const deferred = (): { readonly promise: Promise<void>; readonly resolve: () => void } => {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
