/** The listener: takes requests in, applies the faults, and writes down everything it saw. */
import * as Result from "effect/Result"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { type Answer, empty, failure, json } from "./Answer.ts"
import * as Api from "./Api.ts"
import { UNAUTHORIZED } from "./Authentication.ts"
import { decode, TOO_LARGE, UNSUPPORTED } from "./ContentCoding.ts"
import * as Exchange from "./Exchange.ts"
import type { BodyFault, Fault, RequestFault } from "./Faults.ts"
import { type Entry, type ReceivedRequest, Recorder } from "./Recorder.ts"
import { reply } from "./Reply.ts"
import { route } from "./Router.ts"
import { Store } from "./Store.ts"

/** How the listener is set up. */
export interface ServerOptions extends Api.ApiOptions {
  readonly payloadLimitBytes: number
  readonly basePath: string
  readonly port: number
  readonly tls: { readonly key: string; readonly cert: string } | undefined
}

const HOST = "127.0.0.1"

/** hyper's default limit for a request head; Node's own is 16 KiB, too small for what the server takes. */
const MAX_HEADER_BYTES = 400 * 1024

const API = "/api/"

/** The version whose answers are imitated. */
const VERSION = "v0.91.5"

/** An OpenObserve in memory on a port of 127.0.0.1. */
export class Server {
  readonly store = new Store()
  /** Delay between the last byte of a request and what is done with it. */
  latencyMillis = 0
  /** Faults of the coming `_json` posts. */
  nextFaults: Array<RequestFault> = []
  private fault: Fault | undefined
  private readonly recorder = new Recorder()
  private port: number
  private readonly options: ServerOptions
  private readonly server: Http.Server
  private readonly sockets = new Set<Socket>()

  constructor(options: ServerOptions) {
    this.options = options
    this.port = options.port
    this.server = options.tls === undefined
      ? Http.createServer({ maxHeaderSize: MAX_HEADER_BYTES })
      : Https.createServer({ ...options.tls, maxHeaderSize: MAX_HEADER_BYTES })
    // No idle, silent or half-sent connection was closed by the server within 25 minutes (observed on v0.91.5).
    this.server.keepAliveTimeout = 0
    this.server.requestTimeout = 0
    this.server.headersTimeout = 0
    this.server.on("connection", (socket: Socket) => {
      this.sockets.add(socket)
      socket.once("close", () => this.sockets.delete(socket))
    })
    this.server.on("request", (request, response) => this.receive(request, response, false))
    this.server.on("checkContinue", (request, response) => this.receive(request, response, true))
    this.server.on("clientError", (_error, socket) => {
      if (!socket.writable) return
      const date = new Date().toUTCString()
      socket.end(`HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: ${date}\r\n\r\n`)
    })
  }

  get origin(): string {
    return `${this.options.tls === undefined ? "http" : "https"}://${HOST}:${this.port}`
  }

  /** Every request whose fate is known, in order of arrival. */
  get requests(): ReadonlyArray<ReceivedRequest> {
    return this.recorder.requests
  }

  /** Listens, the second time on the port of the first. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject)
      this.server.listen(this.port, HOST, () => {
        this.server.off("error", reject)
        this.port = (this.server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  /** Stops listening and cuts every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      for (const socket of this.sockets) socket.destroy()
    })
  }

  /** Sets the standing fault; opens or closes the listener when it has to do with it. */
  async setFault(fault: Fault | undefined): Promise<void> {
    this.fault = fault
    if (fault?._tag === "RefuseConnections") {
      if (this.server.listening) await this.close()
    } else if (!this.server.listening) {
      await this.listen()
    }
  }

  /** Forgets requests, records and pending faults; the standing fault and the latency stay. */
  clear(): void {
    this.nextFaults = []
    this.recorder.clear()
    this.store.clear()
  }

  private takeFault(isEmpty: boolean): RequestFault | undefined {
    const next = isEmpty ? undefined : this.nextFaults.shift()
    if (next !== undefined) return next
    return this.fault?._tag === "RefuseConnections" ? undefined : this.fault
  }

  private receive(request: Http.IncomingMessage, response: Http.ServerResponse, expectsContinue: boolean): void {
    const [path = ""] = (request.url ?? "").split("?")
    const { basePath } = this.options
    const below = path.startsWith(basePath) ? path.slice(basePath.length) : ""
    const exchange = { request, response, isApi: below.startsWith(API) }
    const entry = this.recorder.add(request)
    if (!exchange.isApi) return early(exchange, entry, this.outsideApi(request.method ?? "", below))
    const head = {
      method: request.method ?? "",
      path: below.slice(API.length),
      authorization: request.headers.authorization,
      contentEncoding: request.headers["content-encoding"],
      expectsContinue
    }
    this.handle(exchange, entry, head).catch((error: unknown) => {
      // A mistake of the double itself must not look like a server that hangs.
      if (response.headersSent) Exchange.drop(exchange)
      else early(exchange, entry, failure(500, `OpenObserveDouble failed: ${String(error)}`))
    })
  }

  private async handle(
    exchange: Exchange.Exchange,
    entry: Entry,
    head: Api.Head & { readonly expectsContinue: boolean }
  ): Promise<void> {
    const isEmpty = exchange.request.headers["content-length"] === EMPTY_LENGTH && head.contentEncoding === undefined
    const fault = route(head.method, head.path).kind === "json" ? this.takeFault(isEmpty) : undefined
    const found = refusedUnread(fault, head) ?? Api.beforeBody(this.store, this.options, head)
    if ("status" in found) return early(exchange, entry, found)

    if (head.expectsContinue) exchange.response.writeContinue()
    const { payloadLimitBytes } = this.options
    const isPlain = head.contentEncoding === undefined || head.contentEncoding === "identity"
    // What a compressed body comes to is only known once it is decoded.
    const read = await Exchange.readBody(exchange.request, isPlain ? payloadLimitBytes : Infinity)
    entry.body(read.bytes, read.bytes.length)
    if (read.end === "aborted") return entry.settle("aborted")
    if (read.end === "too-large") return early(exchange, entry, TOO_LARGE)
    const decoded = decode(read.bytes, head.contentEncoding, payloadLimitBytes)
    if (Result.isSuccess(decoded)) entry.body(decoded.success, read.bytes.length)
    if (this.latencyMillis > 0) await pause(this.latencyMillis)
    reply({
      exchange,
      entry,
      target: { organization: found.organization, stream: "stream" in found ? found.stream : "" },
      isCloud: this.options.isCloud,
      handle: (treatment) =>
        Result.isFailure(decoded)
          ? decoded.failure
          : Api.afterBody(this.store, this.options, found, decoded.success, treatment)
    }, forBody(fault, Result.getOrElse(decoded, () => read.bytes)))
  }

  /** Probes that need no credentials. */
  private outsideApi(method: string, path: string): Answer {
    if (method === "GET" || method === "HEAD") {
      if (path === "/healthz" || path === "/schedulez") return json(200, { status: "ok" })
      if (path === "/config") {
        return json(200, { version: VERSION, build_type: this.options.isCloud ? "cloud" : "opensource" })
      }
    }
    return empty(404)
  }
}

/** Of `[]`, with which clients ask whether records would be taken. */
const EMPTY_LENGTH = "2"

/** The answer of a fault that does not wait for the body. */
const refusedUnread = (fault: RequestFault | undefined, { contentEncoding }: Api.Head): Answer | undefined => {
  if (fault?._tag === "EarlyReject401") return UNAUTHORIZED
  return fault?._tag === "TakesNoCompression" && contentEncoding !== undefined ? UNSUPPORTED : undefined
}

/** The fault as it concerns a request that has been read. */
const forBody = (fault: RequestFault | undefined, body: Uint8Array): BodyFault | undefined => {
  switch (fault?._tag) {
    case "EarlyReject401":
    case "TakesNoCompression":
      return undefined
    case "ForBody":
      return fault.matches(Buffer.from(body).toString("utf8")) ? fault.fault : undefined
    default:
      return fault
  }
}

const early = (exchange: Exchange.Exchange, entry: Entry, answer: Answer): void => {
  entry.settle(answer.status, answer.body)
  Exchange.sendEarly(exchange, answer)
}

const pause = (millis: number) => new Promise<void>((resolve) => void setTimeout(resolve, millis))
