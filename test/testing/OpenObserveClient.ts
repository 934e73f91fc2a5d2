/** A plain node:http client and the observed probes, for the tests of the double. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"

/** No answer, and how Node says so. */
export class NoAnswer
  extends Schema.TaggedError<NoAnswer>()("NoAnswer", { code: Schema.String, detail: Schema.String })
{
  override get message() {
    return `${this.code} ${this.detail}`
  }
}

export interface Call {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array | undefined
  readonly agent?: Http.Agent | undefined
  readonly rejectUnauthorized?: boolean
}

export interface Reply {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
  readonly bodyBytes: number
}

/** Sends one request; interrupting it destroys the socket. */
export const call = (url: string, options: Call = {}) =>
  Effect.callback<Reply, NoAnswer>((resume) => {
    const { agent, body, headers = {}, method = "POST", rejectUnauthorized = true } = options
    const fail = (error: NodeJS.ErrnoException) =>
      resume(Effect.fail(new NoAnswer({ code: error.code ?? "", detail: error.message })))
    const make = url.startsWith("https") ? Https.request : Http.request
    const { hostname, origin, port } = new URL(url)
    // A URL would resolve `%2e%2e`; the path goes out as it is written.
    const path = url.slice(origin.length)
    const request = make(
      { hostname, port, path, method, headers, agent: agent ?? false, rejectUnauthorized },
      (response) => {
        const chunks: Array<Uint8Array> = []
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk))
        response.on("error", fail)
        response.on("end", () => {
          const bytes = Buffer.concat(chunks)
          resume(Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: bytes.toString("utf8"),
            bodyBytes: bytes.length
          }))
        })
      }
    )
    request.on("error", fail)
    request.end(body)
    return Effect.sync(() => request.destroy())
  })

/** Waits until the fate of the first request is known. */
export const firstRequest = Effect.gen(function*() {
  const double = yield* OpenObserveDouble
  while ((yield* double.requests).length === 0) yield* Effect.sleep("5 millis")
}).pipe(Effect.timeout("2 seconds"))

/** One observed probe: what was sent to a v0.91.5, what it answered and what could be read back. */
export interface Probe {
  readonly probe: string
  readonly method?: string
  readonly path?: string
  readonly authorization?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly bodyBase64?: string
  readonly status: number | "dropped"
  readonly contentType?: string | null
  readonly answerHeaders?: Readonly<Record<string, string>>
  readonly answer?: string
  readonly stored?: "no stream" | number | ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly timestampOffsetMs?: number | "second" | "arrival"
}

/** Reads a file of `test/support/fixtures/openobserve`. */
export const fixture = <A>(name: string): ReadonlyArray<A> =>
  JSON.parse(readFileSync(new URL(`../support/fixtures/openobserve/${name}.json`, import.meta.url), "utf8"))

/** Fills in `{{stream}}` and times relative to now, such as `{{us:-2000}}`: microseconds, two seconds ago. */
export const fill = (template: string, stream: string, nowMillis: number): string =>
  template.replaceAll("{{stream}}", stream).replace(/\{\{([a-z-]+):(-?\d+)\}\}/g, (_, form: string, offset: string) => {
    const millis = nowMillis + Number(offset)
    const iso = new Date(millis).toISOString()
    switch (form) {
      case "us":
        return String(millis * 1000)
      case "ms":
        return String(millis)
      case "s":
        return String(Math.floor(millis / 1000))
      case "iso":
        return iso
      case "iso-naive":
        return iso.slice(0, -1)
      case "iso-seconds":
        return iso.slice(0, 19)
      case "iso-space":
        return iso.slice(0, 19).replace("T", " ")
      default:
        throw new Error(`no such time form: ${form}`)
    }
  })
