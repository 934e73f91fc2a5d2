/** One subscriber's buffer and deliveries: one request in flight, the same body until it is taken. */
import { takeBatch, takeLines } from "./Batch.ts"
import type { Batch, Serialized } from "./Batch.ts"
import { now, sleep } from "./Clock.ts"
import type { Destination } from "./Destination.ts"
import { connect } from "./Destination.ts"
import { toLogsApi } from "./LogsApi.ts"
import type { Delivery, TelemetryEvent } from "./Observations.ts"
import type { Subscription } from "./Subscription.ts"
import type { StreamEntry } from "./StreamEntry.ts"

/** An event in the form this subscriber gets, waiting to be sent. */
export interface PendingEvent extends Serialized {
  readonly entry: StreamEntry
  /** The event as the subscriber reads it: older schemas have other shapes. */
  readonly event: TelemetryEvent
  readonly at: number
  /** Its place among all events of this subscriber, from 1. */
  readonly place: number
}

/** Events that a subscriber has accepted with one post. */
export interface AcceptedBatch {
  readonly at: number
  readonly subscriber: string
  readonly events: ReadonlyArray<TelemetryEvent>
}

/** What a subscriber needs from the stream it belongs to. */
export interface SubscriberOptions {
  readonly name: string
  readonly subscription: Subscription
  readonly bufferBytes: number
  readonly cutRecords: boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly onAccepted: (batch: AcceptedBatch) => void
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
  #lastPlace = 0
  // what stands before this place does not wait for a batch to fill
  #urgentUpTo = 0
  // the first event that has not been delivered while a request is under way
  #sendingFrom: number | undefined
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
    for (const { event, json } of this.#serialize(entry)) {
      const bytes = Buffer.byteLength(json)
      if (this.#pendingBytes + this.#inFlightBytes + bytes > this.#options.bufferBytes) {
        this.#dropped.records += 1
        this.#dropped.bytes += bytes
        continue
      }
      this.#pending.push({ entry, event, json, bytes, sentBytes: 0, at: now(), place: ++this.#lastPlace })
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

  /**
   * Sends what there is without waiting for a batch to fill, and waits until that is delivered or the time is up.
   *
   * What comes meanwhile is batched as ever: a subscriber that writes a line for each post would never be done.
   */
  async flush(deadlineMs: number): Promise<void> {
    const upTo = this.#lastPlace
    this.#urgentUpTo = upTo
    this.#pump()
    const firstLeft = () => this.#sendingFrom ?? this.#pending[0]?.place ?? Infinity
    while (!this.#isClosed && firstLeft() <= upTo && now() < deadlineMs) {
      await Promise.race([this.#changed.promise, sleep(deadlineMs - now())])
    }
  }

  /** Takes an event and sends it, and all before it, at once. */
  offerUrgently(entry: StreamEntry): void {
    this.#urgentUpTo = this.#lastPlace + 1
    this.offer(entry)
  }

  /** Ends the subscription; what has not been delivered is lost, as with the process that asked for it. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.destination.close()
    this.#signal()
  }

  #serialize(entry: StreamEntry): ReadonlyArray<{ readonly event: TelemetryEvent; readonly json: string }> {
    const { api, schemaVersion } = this.subscription
    const { event, json, textJson } = entry
    if (event.type.startsWith("platform.")) {
      if (api === "telemetry") return [{ event, json }]
      return toLogsApi(event, schemaVersion).map((event) => ({ event, json: JSON.stringify(event) }))
    }
    const isText = api === "logs" || schemaVersion === "2022-07-01"
    return isText && textJson !== json
      ? [{ event: JSON.parse(textJson) as TelemetryEvent, json: textJson }]
      : [{ event, json }]
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
    const isUrgent = first.place <= this.#urgentUpTo
    if (isUrgent || dueIn <= 0 || this.#pending.length >= maxItems || this.#pendingBytes >= maxBytes) {
      void this.#send()
    } else {
      this.#timer = setTimeout(() => this.#pump(), dueIn)
    }
  }

  async #send(): Promise<void> {
    this.#isSending = true
    this.#sendingFrom = this.#pending[0]?.place
    const { batch, remainder, taken } = this.subscription.destination.protocol === "TCP"
      ? takeLines(this.#pending, this.subscription)
      : takeBatch(this.#pending, this.subscription, this.#options.cutRecords)
    const leaving = this.#pending.splice(0, taken, ...remainder === undefined ? [] : [remainder])
    this.#inFlightBytes = leaving.reduce((sum, { bytes }) => sum + bytes, 0) - (remainder?.bytes ?? 0)
    this.#pendingBytes -= this.#inFlightBytes
    // of a record that is cut no piece is an event
    const uncut = (remainder === undefined ? leaving : leaving.slice(0, -1)).filter(({ sentBytes }) => sentBytes === 0)
    await this.#deliver(batch, uncut.map(({ event }) => event))
    this.#inFlightBytes = 0
    this.#isSending = false
    this.#sendingFrom = undefined
    this.#reportDropped()
    this.#signal()
    this.#pump()
  }

  async #deliver(batch: Batch, events: ReadonlyArray<TelemetryEvent>): Promise<void> {
    let delayMs = firstRetryDelayMs
    for (let attempt = 1; !this.#isClosed; attempt++) {
      const status = await this.destination.post(batch.body)
      if (this.#isClosed && status === "failed") return
      const at = now()
      this.#options.onDelivery({
        at,
        subscriber: this.name,
        status,
        events: batch.events,
        bytes: batch.body.length,
        attempt
      })
      if (status !== "failed" && status >= 200 && status < 300) {
        this.#options.onAccepted({ at, subscriber: this.name, events })
        return
      }
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
