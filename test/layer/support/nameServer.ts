/** A name server on a loopback address of its own, since resolvers ask port 53 only (RFC 1035, 4). Needs root. */
import { createSocket } from "node:dgram"
import { createServer } from "node:net"

/** What is answered about a name: addresses, the code of an error, or nothing at all. */
type Known = ReadonlyArray<string> | "NXDOMAIN" | "SERVFAIL" | "silent"

/** Names in small letters, and what is known about them; all others do not exist. */
export type Zone = Readonly<Record<string, Known>>

/** A listening name server. */
export interface NameServer {
  readonly address: string
  /** Names that were asked for, with the kind of transport: `udp a.test`. */
  readonly asked: ReadonlyArray<string>
  readonly close: () => void
}

const PORT = 53
const HEADER_BYTES = 12
const TYPE_A = 1
const RESPONSE = 0x8180
const TRUNCATED = 0x0200
const CODES = { NXDOMAIN: 3, SERVFAIL: 2 }

/** More addresses than this do not fit into an answer by UDP. */
const MAX_BY_UDP = 8

/** Listens; `zone` may be changed later. */
export const nameServer = async (address: string, zone: Zone): Promise<NameServer> => {
  const asked: Array<string> = []
  const answer = (query: Buffer, transport: "tcp" | "udp"): Buffer | undefined => {
    let end = HEADER_BYTES
    const labels: Array<string> = []
    for (let length = query[end]!; length > 0; length = query[end]!) {
      labels.push(query.toString("latin1", end + 1, end + 1 + length))
      end += 1 + length
    }
    const name = labels.join(".").toLowerCase()
    asked.push(`${transport} ${name}`)
    const type = query.readUInt16BE(end + 1)
    const question = query.subarray(HEADER_BYTES, end + 5)
    const known = zone[name] ?? "NXDOMAIN"
    if (known === "silent") return undefined
    const all = typeof known === "string" || type !== TYPE_A ? [] : known
    const isTruncated = transport === "udp" && all.length > MAX_BY_UDP
    const records = isTruncated ? [] : all.map((text) =>
      // a pointer to the question's name, type, class, one minute, four bytes
      Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...text.split(".").map(Number)])
    )
    const header = Buffer.alloc(HEADER_BYTES)
    query.copy(header, 0, 0, 2)
    const code = typeof known === "string" ? CODES[known] : 0
    header.writeUInt16BE(RESPONSE | code | (isTruncated ? TRUNCATED : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    return Buffer.concat([header, question, ...records])
  }

  const udp = createSocket("udp4")
  udp.on("message", (query, { address, port }) => {
    const bytes = answer(query, "udp")
    if (bytes !== undefined) udp.send(bytes, port, address)
  })
  const tcp = createServer((socket) => {
    socket.on("error", () => {})
    let received = Buffer.alloc(0)
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        const bytes = answer(received.subarray(2, end), "tcp")
        received = received.subarray(end)
        if (bytes === undefined) continue
        const length = Buffer.alloc(2)
        length.writeUInt16BE(bytes.length)
        socket.write(Buffer.concat([length, bytes]))
      }
    })
  })
  await new Promise<void>((resolve) => udp.bind(PORT, address, resolve))
  await new Promise<void>((resolve) => tcp.listen(PORT, address, resolve))
  return {
    address,
    asked,
    close: () => {
      udp.close()
      tcp.close()
    }
  }
}
