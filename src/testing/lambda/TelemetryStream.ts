/** The stream of events that the platform creates, and the subscribers it goes to. */
import { isoTime, now, sleep } from "./Clock.ts"
import type { Condition } from "./Condition.ts"
import type { Delivery, TelemetryEvent } from "./Observations.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { LineRecord } from "./Records.ts"
import { entryOf } from "./StreamEntry.ts"
import type { StreamEntry } from "./StreamEntry.ts"
import type { AcceptedBatch } from "./Subscriber.ts"
import { Subscriber } from "./Subscriber.ts"
import type { Subscription } from "./Subscription.ts"

// a subscriber that does not answer is as good as one that refuses, in ms
const postTimeoutMs = 5000

const droppedReason = "Some logs were dropped because the downstream consumer is slower than the logs production rate"

/** Keeps every event in order and hands it to the subscribers of the running generation. */
export class TelemetryStream {
  readonly events: Array<TelemetryEvent> = []
  readonly deliveries: Array<Delivery> = []
  readonly accepted: Array<AcceptedBatch> = []
  readonly #settings: EmulatorSettings
  readonly #changed: Condition
  #subscribers: Array<Subscriber> = []
  // what a subscriber that comes during init has missed
  #replay: Array<StreamEntry> | undefined

  constructor(settings: EmulatorSettings, changed: Condition) {
    this.#settings = settings
    this.#changed = changed
  }

  /** Forgets the subscribers of the last generation; from now on events are kept for those to come. */
  beginGeneration(): void {
    this.closeAll()
    this.#replay = []
  }

  /** Ends the time in which subscribing is possible. */
  endSubscribing(): void {
    this.#replay = undefined
  }

  get isSubscribing(): boolean {
    return this.#replay !== undefined
  }

  /** Creates an event with an object for a record. */
  platform(type: string, record: unknown, time = isoTime(now())): StreamEntry {
    const json = JSON.stringify(record) ?? "null"
    return this.#append(entryOf(time, type, { json, text: json }))
  }

  /** Creates an event from a line of a process. */
  line(type: "function" | "extension", record: LineRecord, at: number): StreamEntry {
    return this.#append(entryOf(isoTime(at), type, record))
  }

  subscriptionOf(name: string): Subscription | undefined {
    return this.#subscribers.find((subscriber) => subscriber.name === name)?.subscription
  }

  /** Adds a subscriber; it gets what has happened since the generation began first. */
  subscribe(name: string, subscription: Subscription): void {
    const subscriber = new Subscriber({
      name,
      subscription,
      bufferBytes: this.#settings.telemetryBufferBytes,
      cutRecords: this.#settings.cutRecordsAtMaxBytes,
      onDelivery: (delivery) => this.deliveries.push(delivery),
      onAccepted: (batch) => {
        this.accepted.push(batch)
        this.#changed.notify()
      },
      onDropped: (droppedRecords, droppedBytes) => {
        const json = JSON.stringify({ droppedBytes, droppedRecords, reason: droppedReason })
        const entry = entryOf(isoTime(now()), "platform.logsDropped", { json, text: json })
        this.events.push(entry.event)
        this.#changed.notify()
        subscriber.offer(entry)
      }
    })
    this.#subscribers.push(subscriber)
    for (const entry of this.#replay ?? []) subscriber.offer(entry)
    this.platform("platform.telemetrySubscription", { name, state: "Subscribed", types: subscription.types })
  }

  /** Holds deliveries back while the environment is frozen. */
  hold(): void {
    for (const subscriber of this.#subscribers) subscriber.hold()
  }

  release(): void {
    for (const subscriber of this.#subscribers) subscriber.release()
  }

  /** Takes an event back from the subscribers that have not got it; the function that is answered sends it. */
  withhold(entry: StreamEntry): () => void {
    const waiting = this.#subscribers.filter((subscriber) => subscriber.withdraw(entry))
    return () => {
      for (const subscriber of waiting) subscriber.offerUrgently(entry)
    }
  }

  /** Delivers everything there is now, as far as the time allows. */
  async flush(deadlineMs: number): Promise<void> {
    await Promise.all(this.#subscribers.map((subscriber) => subscriber.flush(deadlineMs)))
  }

  /** Ends the subscription of one process. */
  close(name: string): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.name === name) subscriber.close()
    }
    this.#subscribers = this.#subscribers.filter((subscriber) => subscriber.name !== name)
  }

  closeAll(): void {
    for (const subscriber of this.#subscribers) subscriber.close()
    this.#subscribers = []
  }

  /** Posts bytes to the first subscriber, past its buffer. */
  async post(body: string | Uint8Array): Promise<number | "failed"> {
    const [subscriber] = this.#subscribers
    if (subscriber === undefined) return "failed"
    return Promise.race([subscriber.destination.post(body), sleep(postTimeoutMs).then(() => "failed" as const)])
  }

  #append(entry: StreamEntry): StreamEntry {
    this.events.push(entry.event)
    this.#changed.notify()
    this.#replay?.push(entry)
    for (const subscriber of this.#subscribers) subscriber.offer(entry)
    return entry
  }
}
