/** As much of Node's HTTP server as the program uses. */
import { EngineBuffer } from "./buffer.ts"
import { Emitter } from "./events.ts"
import { codedError } from "./host.ts"

class Socket extends Emitter {
  readonly destroy: () => void
  /** The request that is being read. */
  request: Request | undefined

  constructor(destroy: () => void) {
    super()
    this.destroy = destroy
  }
}

class Request extends Emitter {
  readonly socket: Socket
  readonly method: string
  readonly url: string

  constructor(socket: Socket, method: string, url: string) {
    super()
    this.socket = socket
    this.method = method
    this.url = url
  }
}

class Response extends Emitter {
  private readonly respond: (status: number) => void
  private status = 200

  constructor(respond: (status: number) => void) {
    super()
    this.respond = respond
  }

  writeHead(status: number): this {
    this.status = status
    return this
  }

  end(): void {
    this.respond(this.status)
  }
}

type OnRequest = (request: Request, response: Response) => void

class Server extends Emitter {
  private readonly sockets = new Map<number, Socket>()
  private readonly onRequest: OnRequest
  private opened: readonly [server: number, port: number] | undefined
  private readonly closed: Array<(error?: Error) => void> = []

  constructor(onRequest: OnRequest) {
    super()
    this.onRequest = onRequest
  }

  /** Any free port is the only one that it can be. */
  listen(_: 0, done: () => void): void {
    const opened = host.listen((event, connection, ...details) => this.told(event, connection, ...details))
    host.nextTurn(() => {
      if (typeof opened === "string") return void this.emit("error", codedError(opened))
      this.opened = opened
      done()
    })
  }

  address(): { readonly port: number } | null {
    return this.opened === undefined ? null : { port: this.opened[1] }
  }

  /** Done when all connections have ended. */
  close(done: (error?: Error) => void): void {
    if (this.opened === undefined) return host.nextTurn(() => done(codedError("ERR_SERVER_NOT_RUNNING")))
    host.closeServer(this.opened[0])
    this.closed.push(done)
    this.finish()
  }

  closeAllConnections(): void {
    for (const socket of this.sockets.values()) socket.destroy()
  }

  private told(event: string, connection: number, bytesOrMethod?: ArrayBuffer | string, url = ""): void {
    const server = this.opened?.[0] ?? 0
    if (event === "connection") {
      const socket = new Socket(() => {
        host.closeConnection(server, connection)
        // not when it has been closed: who keeps few counts on it
        queueMicrotask(() => this.told("close", connection))
      })
      this.sockets.set(connection, socket)
      return void this.emit("connection", socket)
    }
    const socket = this.sockets.get(connection)
    if (socket === undefined) return
    if (event === "request") {
      const request = socket.request = new Request(socket, bytesOrMethod as string, url)
      this.emit("request", request)
      return this.onRequest(request, new Response((status) => host.respond(server, connection, status)))
    }
    if (event === "data") return void socket.request?.emit("data", new EngineBuffer(bytesOrMethod as ArrayBuffer))
    const { request } = socket
    socket.request = undefined
    if (event === "end") request?.emit("end")
    request?.emit("close")
    if (event !== "close") return
    this.sockets.delete(connection)
    socket.emit("close")
    if (this.closed.length > 0) this.finish()
  }

  private finish(): void {
    if (this.sockets.size > 0) return
    for (const done of this.closed.splice(0)) host.nextTurn(() => done())
  }
}

export const createServer = (_: object, onRequest: OnRequest): Server => new Server(onRequest)
