/** The HTTP server at `AWS_LAMBDA_RUNTIME_API`: routes, checks and the exact texts of refusals. */
import * as Http from "node:http"
import type { Agent } from "./Agent.ts"
import { now } from "./Clock.ts"
import { Exchange } from "./Exchange.ts"
import * as ExtensionRoutes from "./ExtensionRoutes.ts"
import type { ApiCall } from "./Observations.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { RouteContext } from "./RouteContext.ts"
import type { Sandbox } from "./Sandbox.ts"
import { subscribe } from "./SubscribeRoute.ts"

type Handler = (context: RouteContext, exchange: Exchange, requestId: string) => void

const identified =
  (handler: (context: RouteContext, exchange: Exchange, agent: Agent) => void): Handler => (context, exchange) => {
    const agent = ExtensionRoutes.identify(context.generation, exchange)
    if (agent !== undefined) handler(context, exchange, agent)
  }

const routes: ReadonlyArray<readonly [method: string, path: RegExp, handler: Handler]> = [
  ["GET", /^\/2018-06-01\/ping$/, (_, exchange) => exchange.answer(200, "text/plain; charset=utf-8", "pong")],
  ["GET", /^\/2018-06-01\/runtime\/invocation\/next$/, ({ generation }, exchange) => generation.runtime.next(exchange)],
  [
    "POST",
    /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/response$/,
    ({ generation }, exchange, requestId) => generation.runtime.result(exchange, requestId, "Response")
  ],
  [
    "POST",
    /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/error$/,
    ({ generation }, exchange, requestId) => generation.runtime.result(exchange, requestId, "HandlerError")
  ],
  [
    "POST",
    /^\/2018-06-01\/runtime\/init\/error$/,
    ({ generation }, exchange) => generation.runtime.initError(exchange)
  ],
  ["POST", /^\/2020-01-01\/extension\/register$/, ExtensionRoutes.register],
  ["GET", /^\/2020-01-01\/extension\/event\/next$/, identified(ExtensionRoutes.next)],
  ["POST", /^\/2020-01-01\/extension\/init\/error$/, identified(ExtensionRoutes.reportError("InitError"))],
  ["POST", /^\/2020-01-01\/extension\/exit\/error$/, identified(ExtensionRoutes.reportError("ExitError"))],
  ["PUT", /^\/2022-07-01\/telemetry$/, (context, exchange) => subscribe("telemetry", context, exchange)],
  ["PUT", /^\/2020-08-15\/logs$/, (context, exchange) => subscribe("logs", context, exchange)]
]

const readBody = async (request: Http.IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The server and the record of everything it was asked. */
export class ControlPlane {
  readonly calls: Array<ApiCall> = []
  readonly #server: Http.Server
  #sandbox: Sandbox | undefined
  readonly #settings: EmulatorSettings

  constructor(settings: EmulatorSettings) {
    this.#settings = settings
    // a poll may block for hours, and a frozen process keeps its idle connection
    this.#server = Http.createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
    this.#server.on("request", (request, response) => void this.#serve(request, response))
  }

  /** Listens on a free port of the loopback. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(0, "127.0.0.1", resolve)
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  /** Says whose processes are calling. */
  attach(sandbox: Sandbox): void {
    this.#sandbox = sandbox
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: Http.IncomingMessage, response: Http.ServerResponse): Promise<void> {
    const beganAt = now()
    const body = await readBody(request).catch(() => undefined)
    // a client that dies while it sends leaves nothing to answer
    if (body === undefined) return void response.destroy()
    const exchange = new Exchange(request, response, body, beganAt)
    this.calls.push(exchange.call)
    this.#route(exchange)
  }

  #route(exchange: Exchange): void {
    const path = exchange.call.path.split("?", 1)[0] ?? ""
    const matches = routes.filter(([, pattern]) => pattern.test(path))
    const match = matches.find(([method]) => method === exchange.call.method)
    if (matches.length === 0) return exchange.answer(404, "text/plain; charset=utf-8", "404 page not found\n")
    if (match === undefined) return exchange.answer(405, "text/plain; charset=utf-8", "")
    const generation = this.#sandbox?.generation
    if (this.#sandbox === undefined || generation === undefined) {
      return exchange.refuse(500, "InternalServerError", "Internal Server Error")
    }
    const [, pattern, handler] = match
    const context = { settings: this.#settings, stream: this.#sandbox.stream, generation, runtimePort: this.port }
    handler(context, exchange, pattern.exec(path)?.[1] ?? "")
    generation.condition.notify()
  }
}
