/**
 * What processors cost, in µs of CPU per record, and how many times as much a record takes with them as without: on its way
 * into the buffer (scan, encode, append), and with its compression. Prints one JSON line.
 *
 *     node bench/processors.ts [posts] [kind of lines]
 */
import * as Zlib from "node:zlib"
import { OpenBatch } from "../src/delivery/OpenBatch.ts"
import { MAX_PART_BYTES } from "../src/logs/PostEncoder.ts"
import { MAX_COLUMNS } from "../src/openobserve/ColumnCounter.ts"
import * as Processor from "../src/processors/Processor.ts"
import * as Stage from "../src/processors/Stage.ts"
import { makeDestination } from "../test/support/destinations.ts"
import { makeEncoder, microsOf } from "./encoding.ts"
import { type Kind, makePost, PER_POST } from "./posts.ts"
import { rounded } from "./statistics.ts"

const POSTS = Number(process.argv[2] ?? 50)

const post = makePost((process.argv[3] ?? "json") as Kind)
const encoder = makeEncoder()
const micros = (work: () => void): number => microsOf(POSTS, work)

const processors: Readonly<Record<string, Processor.Processor>> = {
  filterNothing: Processor.filter(() => true),
  filterByLine: Processor.filter((record) => record.line?.includes("GET /health") !== true),
  literalThatIsNotThere: Processor.redact({ patterns: ["sk_live_51H"] }),
  patternThatIsNotThere: Processor.redact({ patterns: [/\b\d{4}-\d{4}-\d{4}-\d{4}\b/] }),
  fieldsThatAreNotThere: Processor.redact({ fields: ["password", "authorization", "secret"] }),
  fieldsThatAreThere: Processor.redact({ fields: ["function_request_id", "tier", "password"] }),
  mapAddingAMember: Processor.map((fields) => Object.assign(fields, { team: "checkout" }))
}

const batch = new OpenBatch(makeDestination(), 1024 * 1024)
const { bytes } = encoder.encode(post, Date.now())
const gzip = micros(() => void Zlib.gzipSync(Buffer.from(bytes), { level: 1 }))
const without = micros(() => {
  const { bytes, columns } = encoder.encode(post, Date.now())
  batch.append(bytes, 0, bytes.length, { number: 0, records: PER_POST }, { oldestTimestamp: 0, columns })
  batch.recycle(batch.seal().body)
})

const costs = Object.entries(processors).map(([name, processor]) => {
  const stage = Stage.make([processor])
  const cost = micros(() => {
    const encoded = encoder.encode(post, Date.now())
    for (const { parts } of stage.process(encoded, { maxColumns: MAX_COLUMNS, maxPartBytes: MAX_PART_BYTES })) {
      for (const { records: { bytes, columns } } of parts) {
        batch.append(bytes, 0, bytes.length, { number: 0, records: PER_POST }, { oldestTimestamp: 0, columns })
        batch.recycle(batch.seal().body)
      }
    }
  })
  return [name, {
    micros: rounded(cost - without),
    timesBuffered: rounded(cost / without),
    timesCompressed: rounded((cost + gzip) / (without + gzip))
  }]
})

console.log(JSON.stringify({
  bench: "processors",
  without: rounded(without),
  gzip: rounded(gzip),
  ...Object.fromEntries(costs)
}))
