/** Writes down every request for assertions, in order of arrival. */
import type * as Http from "node:http"
import type { Socket } from "node:net"
import { now } from "../lambda/Clock.ts"

/**
 * A request as it arrived and how it was answered.
 *
 * @category models
 * @since 0.2.0
 */
export interface ReceivedRequest {
  readonly method: string
  /** The target of the request line, base path and query included. */
  readonly path: string
  readonly headers: Record<string, string>
  /** Size of the body as it came in; 0 for a request that was refused before its body was read. */
  readonly wireBytes: number
  /** The body without its content coding; as it came in when it cannot be decoded. */
  readonly body: Uint8Array
  /** When its head was in: milliseconds since 1970 with a fraction, on the clock of the emulator. */
  readonly receivedAt: number
  /** When its answer began or its connection was given up, on the same clock; `undefined` for one that hangs. */
  readonly answeredAt: number | undefined
  /** `"aborted"` when the client went away before its body was in. */
  readonly status: number | "reset" | "hang" | "aborted"
  readonly answer: string
  /** Which TCP connection, counted from 1 in order of their first request. */
  readonly connection: number
}

/** One request whose fate is not known yet. */
export class Entry {
  private state: ReceivedRequest
  private isSettled = false

  constructor(request: Http.IncomingMessage, connection: number) {
    this.state = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      wireBytes: 0,
      body: new Uint8Array(),
      receivedAt: now(),
      answeredAt: undefined,
      status: "aborted",
      answer: "",
      connection
    }
  }

  /** The request once it was answered, or will never be. */
  get settled(): ReceivedRequest | undefined {
    return this.isSettled ? this.state : undefined
  }

  /** Notes the body. */
  body(body: Uint8Array, wireBytes: number): void {
    this.state = { ...this.state, body, wireBytes }
  }

  /** Notes how the request ended. */
  settle(status: ReceivedRequest["status"], answer = ""): void {
    this.state = { ...this.state, status, answer, answeredAt: status === "hang" ? undefined : now() }
    this.isSettled = true
  }
}

/** The log of a server. */
export class Recorder {
  private entries: Array<Entry> = []
  private readonly connections = new WeakMap<Socket, number>()
  private connectionCount = 0

  /** Every request whose fate is known. */
  get requests(): ReadonlyArray<ReceivedRequest> {
    return this.entries.flatMap(({ settled }) => settled === undefined ? [] : [settled])
  }

  add(request: Http.IncomingMessage): Entry {
    const { socket } = request
    const connection = this.connections.get(socket) ?? ++this.connectionCount
    this.connections.set(socket, connection)
    const entry = new Entry(request, connection)
    this.entries.push(entry)
    return entry
  }

  /** Forgets the requests; connections keep their numbers. */
  clear(): void {
    this.entries = []
  }
}
