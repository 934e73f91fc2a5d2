/**
 * Addresses of hosts that have a name, and who of them accepts. Loaded with the first connection to a name: it imports
 * nothing of what is loaded at the start, or the bundler would divide that.
 */
import * as Dns from "node:dns"
import type { Socket } from "node:net"
import { Addresses } from "./Addresses.ts"

/** Looks up the addresses of a name. */
export type Lookup = (name: string, done: (error: Error | null, addresses: ReadonlyArray<string>) => void) => void

/** A connection that is wanted. */
export interface Call {
  /** Begins to connect to an address, differently if wanted; emits `connect` and then, if it is secure, `secureConnect`. */
  readonly connect: (address: string, differences?: object) => Socket
  /** What it emits that makes it the one that is taken, unless that is `connect`. */
  readonly event?: "tunnel"
  /** Takes the socket, connected but perhaps not yet secure, or why there is none; once. */
  readonly done: (error: Error | null, socket?: Socket) => void
}

/** What has come of it so far, in words for whoever has waited long enough. */
export interface Progress {
  detail?: string | undefined
}

/** Remembers of each host which addresses did well. */
export class Dialler {
  private readonly lookup: Lookup
  private readonly hosts = new Map<string, Addresses>()

  constructor(lookup: Lookup = systemLookup) {
    this.lookup = lookup
  }

  /** A connection on its way. */
  dial({ host, hostname, protocol }: URL, call: Call, progress: Progress): Dialling {
    let addresses = this.hosts.get(host)
    if (addresses === undefined) this.hosts.set(host, addresses = new Addresses())
    // an address is its own, without the brackets of URLs
    const name = hostname.replaceAll(/[[\]]/g, "")
    return new Dialling((done) => this.lookup(name, done), call, addresses, progress, protocol === "https:")
  }
}

/** As `node:net` looks names up: kinds of addresses that this machine has none of are not asked for. */
const systemLookup: Lookup = (name, done) =>
  Dns.lookup(
    name,
    { all: true, hints: Dns.ADDRCONFIG },
    (error, resolved) => done(error, error === null ? resolved.map(({ address }) => address) : [])
  )

/** A connection on its way; whoever has it says when the next address is tried. */
export class Dialling {
  private readonly lookup: (done: Parameters<Lookup>[1]) => void
  private readonly call: Call
  private readonly addresses: Addresses
  private readonly progress: Progress
  private readonly isSecure: boolean
  private inOrder: ReadonlyArray<string> = []
  private readonly tried: Array<string> = []
  /** Those of them that had their turn in vain; some may be pending still. */
  private readonly failed = new Set<string>()
  private readonly pending = new Set<Socket>()
  private readonly errors: Array<Error> = []
  /** Whether `done` has been told. */
  private isOver = false
  /** An address that has accepted, but is not secure yet. */
  private unproven: string | undefined

  constructor(
    lookup: (done: Parameters<Lookup>[1]) => void,
    call: Call,
    addresses: Addresses,
    progress: Progress,
    isSecure: boolean
  ) {
    this.lookup = lookup
    this.call = call
    this.addresses = addresses
    this.progress = progress
    this.isSecure = isSecure
  }

  /** Finds out where to connect to. */
  resolve(done: () => void): void {
    this.progress.detail = "its name was not resolved"
    this.lookup((error, addresses) => {
      if (this.isOver) return
      this.progress.detail = undefined
      this.inOrder = this.addresses.order(addresses)
      if (this.inOrder.length === 0) this.fail(error ?? Object.assign(new Error("no address"), { code: "ENOTFOUND" }))
      done()
    })
  }

  /** Whether there is an address that may be tried. */
  hasNext(): boolean {
    return !this.isOver && this.tried.length < this.inOrder.length
  }

  /** Tries the next address beside those that are pending; tells when it is refused. */
  next(refused: () => void): void {
    const address = this.inOrder[this.tried.length]!
    this.tried.push(address)
    this.progress.detail = triedOf(this.tried.length, this.inOrder.length)
    const socket = this.call.connect(address)
    this.pending.add(socket)
    // stays: an error between two owners would end the process
    socket.on("error", (error) => {
      if (!this.pending.delete(socket)) return
      this.errors.push(error)
      this.hasFailed(address)
      refused()
      if (this.pending.size === 0 && !this.hasNext()) this.fail(new AggregateError(this.errors))
    })
    socket.once(this.call.event ?? "connect", () => {
      if (this.pending.delete(socket)) this.win(address, socket)
    })
  }

  /** The last one has had its turn: whoever connects next, even now, should not begin with it. */
  pass(): void {
    const last = this.tried.at(-1)
    if (!this.isOver && last !== undefined) this.hasFailed(last)
  }

  /** Nobody waits any longer. */
  close(): void {
    this.destroyPending()
    if (this.unproven !== undefined) this.hasFailed(this.unproven)
    this.fail(new Error("nobody waits for the connection"))
  }

  private hasFailed(address: string): void {
    if (this.failed.has(address)) return
    this.failed.add(address)
    this.addresses.hasFailed(address, this.tried.indexOf(address))
  }

  private fail(error: Error): void {
    if (this.isOver) return
    this.isOver = true
    this.call.done(error)
  }

  private win(address: string, socket: Socket): void {
    this.isOver = true
    this.destroyPending()
    const proven = () => {
      this.unproven = undefined
      this.addresses.hasConnected(address)
    }
    if (this.isSecure) {
      this.unproven = address
      socket.once("secureConnect", proven)
    } else proven()
    this.call.done(null, socket)
  }

  private destroyPending(): void {
    for (const socket of this.pending) socket.destroy()
    this.pending.clear()
  }
}

const triedOf = (tried: number, known: number): string | undefined => {
  if (known === 1) return undefined
  return tried === known ? `${tried} addresses tried` : `${tried} of ${known} addresses tried`
}
