/**
 * An OpenObserve that keeps up with traffic: it only counts which lines it has stored how often, and is as sick as a test
 * says, request by request. (The test kit's double keeps every record and parses it the way the real one does.)
 */
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"

/** What becomes of a request. A request that has been left without an answer never gets one. */
export type Behaviour =
  | { readonly _tag: "Answers"; readonly latencyMs: number }
  | { readonly _tag: "Hangs" }
  /** Stores, and the answer is lost. */
  | { readonly _tag: "Swallows" }
  | { readonly _tag: "Overloaded"; readonly latencyMs: number }
  | { readonly _tag: "Resets" }

/** A request as its body's last byte comes. */
export interface Asked {
  /** How many came before it since traffic began, empty ones included. */
  readonly index: number
  /** Since traffic began; negative before. */
  readonly atMs: number
  /** 0 for an empty one, which only asks how the server is. */
  readonly records: number
}

/** A request, and what became of it. */
export interface Served extends Asked {
  readonly behaviour: Behaviour["_tag"]
}

/** A running server, and what it has seen. */
export interface TrafficServer {
  readonly url: string
  readonly requests: ReadonlyArray<Served>
  /** Different lines. */
  readonly storedLines: () => number
  /** Copies of lines beyond the first. */
  readonly copies: () => number
  /** Records of any type, copies included. */
  readonly storedRecords: () => number
  readonly hasStored: (line: number) => boolean
  /** Traffic begins: times count from here. */
  readonly begin: () => void
  readonly close: () => void
}

/** How a line says which it is. */
export const lineOf = (number: number, padding: string): string => `#${number} ${padding}\n`

const numberOf = (record: unknown): number | undefined => {
  const number = typeof record === "string" ? /^#(\d+) /.exec(record)?.[1] : undefined
  return number === undefined ? undefined : Number(number)
}

/** Where a server listens. */
export interface ListensAt {
  readonly host: string
  readonly port: number
}

/** Starts one, on a free port when nothing is said about it. */
export const startServer = async (
  behave: (asked: Asked) => Behaviour,
  { host, port }: ListensAt = { host: "127.0.0.1", port: 0 }
): Promise<TrafficServer> => {
  const requests: Array<Served> = []
  const counts: Array<number> = []
  let begunAt: number | undefined
  let asked = 0
  let storedLines = 0
  let copies = 0
  let storedRecords = 0

  const store = (records: ReadonlyArray<{ readonly record?: unknown }>) => {
    storedRecords += records.length
    for (const { record } of records) {
      const number = numberOf(record)
      if (number === undefined) continue
      counts[number] = (counts[number] ?? 0) + 1
      if (counts[number] === 1) storedLines++
      else copies++
    }
  }

  const server = Http.createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    const chunks: Array<Buffer> = []
    // what the other side gives up is no error of ours
    request.on("error", () => {})
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const sent = Buffer.concat(chunks)
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent
      const records = JSON.parse(body.toString()) as ReadonlyArray<{ readonly record?: unknown }>
      const now = {
        index: begunAt === undefined ? 0 : asked++,
        atMs: begunAt === undefined ? -1 : performance.now() - begunAt,
        records: records.length
      }
      const behaviour = behave(now)
      requests.push({ ...now, behaviour: behaviour._tag })
      switch (behaviour._tag) {
        case "Answers":
          return void setTimeout(() => {
            store(records)
            response.end(JSON.stringify({
              code: 200,
              status: [{ name: "default", successful: records.length, failed: 0 }]
            }))
          }, behaviour.latencyMs)
        case "Overloaded":
          return void setTimeout(
            () => response.writeHead(503).end(JSON.stringify({ code: 503, message: "MemoryTableOverflowError" })),
            behaviour.latencyMs
          )
        case "Swallows":
          return store(records)
        case "Resets":
          return void request.socket.resetAndDestroy()
        case "Hangs":
      }
    })
  })
  server.listen(port, host)
  await once(server, "listening")
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    storedLines: () => storedLines,
    copies: () => copies,
    storedRecords: () => storedRecords,
    hasStored: (line) => counts[line] !== undefined,
    begin: () => {
      begunAt = performance.now()
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}
