/** As much of Node's HTTP client as the program uses: an agent that keeps connections, and a request at a time on each. */
import { EngineBuffer } from "./buffer.ts"
import { Emitter } from "./events.ts"
import { type AnswerEvent, codedError } from "./host.ts"

interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** With TLS: whom the certificate has to be for. */
  readonly servername?: string | undefined
  /** What a proxy is asked first. */
  readonly tunnel?: string
}

type Connected = (error: Error | null, socket?: Socket) => void

class Socket extends Emitter {
  readonly id: number
  connecting = true
  isOpen = true
  /** Why it has failed, for who comes too late to be told. */
  errored: Error | undefined
  /** The request that it is used for. */
  owner: ClientRequest | undefined

  constructor({ host: address, port, servername, tunnel }: ConnectOptions) {
    super()
    this.id = host.connect(address, port, servername, tunnel, (event, code) => {
      if (event === "close") this.isOpen = false
      if (event === "connect") this.connecting = false
      if (event !== "error") return void this.emit(event === "secure" ? "secureConnect" : event)
      this.errored = codedError(code!)
      this.isOpen = false
      this.emit("error", this.errored)
      this.owner?.fail(this.errored)
    })
  }

  destroy(): void {
    if (!this.isOpen) return
    this.isOpen = false
    host.disconnect(this.id)
    host.nextTurn(() => this.emit("close"))
  }
}

export class Agent {
  /** Connections that nobody uses, the one used last at the end. */
  readonly freeSockets: Record<string, Array<Socket>> = {}
  createConnection: (options: ConnectOptions, done: Connected) => Socket | undefined = (options) => new Socket(options)

  keep(origin: string, socket: Socket): void {
    if (!socket.isOpen) return
    const free = (this.freeSockets[origin] ?? []).filter(({ isOpen }) => isOpen)
    this.freeSockets[origin] = [...free, socket]
  }

  destroy(): void {
    for (const socket of Object.values(this.freeSockets).flat()) socket.destroy()
  }
}

interface Options {
  readonly agent: Agent
  readonly method: string
  readonly headers: Readonly<Record<string, string | number>>
  /** What is asked for, unless it is the path of the URL. */
  readonly path?: string
}

class Message extends Emitter {
  readonly statusCode: number
  readonly headers: Record<string, string> = {}
  readonly destroy: () => void

  constructor(status: number, headers: ReadonlyArray<string>, destroy: () => void) {
    super()
    this.statusCode = status
    this.destroy = destroy
    for (let at = 0; at < headers.length; at += 2) {
      const [name, value] = [headers[at]!, headers[at + 1]!]
      this.headers[name] = Object.hasOwn(this.headers, name) ? `${this.headers[name]}, ${value}` : value
    }
  }
}

class ClientRequest extends Emitter {
  reusedSocket = false
  private readonly url: URL
  private readonly options: Options
  private socket: Socket | undefined
  private message: Message | undefined
  private isOver = false

  constructor(url: URL, options: Options) {
    super()
    this.url = url
    this.options = options
  }

  end(body: string | Uint8Array = ""): void {
    const bytes = typeof body === "string" ? EngineBuffer.from(body) : body
    const { agent } = this.options
    const { origin, hostname, port, protocol } = this.url
    const free = agent.freeSockets[origin] ?? []
    while (free.length > 0) {
      const socket = free.pop()!
      if (!socket.isOpen) continue
      this.reusedSocket = true
      return host.nextTurn(() => this.use(socket, bytes))
    }
    const name = hostname.replace(/^\[|\]$/g, "")
    const isSecure = protocol === "https:"
    const options = {
      ...this.options,
      host: name,
      port: port === "" ? (isSecure ? 443 : 80) : Number(port),
      servername: isSecure ? name : undefined
    }
    const done: Connected = (error, socket) =>
      host.nextTurn(() => socket === undefined ? this.fail(error!) : this.use(socket, bytes))
    const socket = agent.createConnection(options, done)
    if (socket !== undefined) done(null, socket)
  }

  destroy(): void {
    if (this.isOver) return
    this.isOver = true
    this.socket?.destroy()
  }

  fail(error: Error): void {
    if (this.isOver) return
    this.isOver = true
    this.socket?.destroy()
    if (this.message === undefined) this.emit("error", error)
    else this.message.emit("error", error)
  }

  private use(socket: Socket, body: Uint8Array): void {
    if (this.isOver) return socket.destroy()
    this.socket = socket
    socket.owner = this
    this.emit("socket", socket)
    const { headers, method, path } = this.options
    const { host: name, pathname, search } = this.url
    const lines = Object.entries({ host: name, connection: "keep-alive", ...headers })
      .flatMap(([name, value]) => [name, String(value)])
    const isSent = socket.isOpen &&
      host.send(socket.id, method, path ?? pathname + search, lines, body, (...event) => this.told(socket, event))
    if (!isSent) this.fail(socket.errored ?? codedError("ECONNRESET"))
  }

  private told(socket: Socket, event: AnswerEvent): void {
    if (event[0] === "idle") {
      this.socket = undefined
      socket.owner = undefined
      return this.options.agent.keep(this.url.origin, socket)
    }
    if (this.isOver) return
    switch (event[0]) {
      case "response":
        this.message = new Message(event[1], event[2], () => this.destroy())
        return void this.emit("response", this.message)
      case "data":
        return void this.message?.emit("data", new EngineBuffer(event[1]))
      case "end":
        this.isOver = true
        return void this.message?.emit("end")
      case "upgrade":
        return void this.emit("upgrade", undefined, socket)
      case "error":
        return this.fail(codedError(event[1]))
    }
  }
}

export const request = (url: URL, options: Options): ClientRequest => new ClientRequest(url, options)
