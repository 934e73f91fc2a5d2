/** One HTTP call to the control plane and its answer, in the manner of the platform's Go server. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { now } from "./Clock.ts"
import type { ApiCall } from "./Observations.ts"

/** The record of a call that is still being answered. */
export type OpenCall = { -readonly [K in keyof ApiCall]: ApiCall[K] }

// Go's encoder escapes these three in every string, and ends with a newline
const escapes: Readonly<Record<string, string>> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" }

/** JSON as Go writes it. */
export const goJson = (value: unknown): string =>
  `${JSON.stringify(value).replace(/[<>&]/g, (character) => escapes[character] ?? character)}\n`

/** One call: what was asked, and the one chance to answer; header names are spelt as Go spells them. */
export class Exchange {
  readonly call: OpenCall
  readonly body: Buffer
  /** When the head of the request had come; the body may have taken longer. */
  readonly beganAt: number
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse, body: Buffer, beganAt: number) {
    this.#response = response
    this.body = body
    this.beganAt = beganAt
    this.call = {
      at: now(),
      method: request.method ?? "",
      path: request.url ?? "",
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      body: body.toString("utf8"),
      status: undefined,
      extension: undefined
    }
  }

  header(name: string): string {
    return this.call.headers[name] ?? ""
  }

  /** Writes the answer; into the void when the client has hung up, which the platform does not notice either. */
  answer(status: number, contentType: string, body: string, headers: Record<string, string> = {}): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    this.call.status = status
    this.#response.writeHead(status, {
      ...headers,
      "Content-Type": contentType,
      "Content-Length": Buffer.byteLength(body)
    })
    this.#response.end(body)
  }

  json(status: number, value: unknown, headers: Record<string, string> = {}): void {
    this.answer(status, "application/json", goJson(value), headers)
  }

  /** Answers with an error body of the Extensions and Runtime APIs. */
  refuse(status: number, errorType: string, errorMessage: string): void {
    this.json(status, { errorMessage, errorType })
  }

  accepted(): void {
    this.json(202, { status: "OK" })
  }

  /** Drops the connection without an answer. */
  abandon(): void {
    this.#response.destroy()
  }
}
