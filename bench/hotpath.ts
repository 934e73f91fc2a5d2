/**
 * The stages of the hot path by themselves, in µs per record: scan, encode, append and seal, compress. Floor: copying the
 * post's bytes once. Prints one JSON line.
 *
 *     node bench/hotpath.ts [posts] [kind of lines]
 */
import { isUtf8 } from "node:buffer"
import * as Zlib from "node:zlib"
import { OpenBatch } from "../src/delivery/OpenBatch.ts"
import { makeDestination } from "../test/support/destinations.ts"
import { eventsOf } from "../src/telemetry/TelemetryEvent.ts"
import { makeEncoder, microsOf } from "./encoding.ts"
import { type Kind, makePost, PER_POST } from "./posts.ts"
import { rounded } from "./statistics.ts"

const POSTS = Number(process.argv[2] ?? 200)

const post = makePost((process.argv[3] ?? "plain") as Kind)
const micros = (work: () => void): number => rounded(microsOf(POSTS, work))

const target = Buffer.alloc(post.length)
const encoder = makeEncoder()
const { bytes, columns } = encoder.encode(post, Date.now())
const encoded = Buffer.from(bytes)
const batch = new OpenBatch(makeDestination(), 1024 * 1024)

console.log(JSON.stringify({
  bench: "hotpath",
  floor: micros(() => void post.copy(target)),
  utf8: micros(() => void isUtf8(post)),
  scan: micros(() => {
    const events = eventsOf(post)
    while (events.next()) { /* only scanned */ }
  }),
  scanAndEncode: micros(() => void encoder.encode(post, Date.now())),
  appendAndSeal: micros(() => {
    batch.append(encoded, 0, encoded.length, { number: 0, records: PER_POST }, { oldestTimestamp: 0, columns })
    batch.recycle(batch.seal().body)
  }),
  compress: micros(() => void Zlib.gzipSync(encoded, { level: 1 })),
  compressUnparsed: micros(() => void Zlib.gzipSync(post, { level: 1 }))
}))
