/** A file in `/tmp` that is a batch by its name and its checksum, and would fill the memory: given up and counted. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import type { Batch } from "../../src/delivery/Batch.ts"
import * as SpillFile from "../../src/spill/SpillFile.ts"
import { logs } from "../support/destinations.ts"
import { complaints, ended } from "./books.ts"
import { eventually, withSandbox } from "./sandbox.ts"

const MEBIBYTE = 1024 * 1024

/** What 300 kB of gzip become. */
const INFLATED_BYTES = 300 * MEBIBYTE

/** For 32 MiB that a batch may have, twice while they are put together, and for what else a start takes, in MiB. */
const MAX_GROWTH_MB = 120

/** Six hours ago: sent only with a newer time, for which it is inflated. */
const oldestTimestamp = () => (Date.now() - 6 * 3_600_000) * 1000

/** Ways to say how much it is. */
const TALLIES: ReadonlyArray<readonly [string, Batch["tally"]]> = [
  ["little", { records: 10, bytes: 3000 }],
  ["more than any batch has", { records: 2 ** 20, bytes: 2 ** 40 }]
]

describe("a spilled file that is a bomb", () => {
  for (const [what, tally] of TALLIES) {
    it.live(`and says that it is ${what} is dropped as unreadable`, () =>
      withSandbox({ freeze: false }, (sandbox) =>
        Effect.gen(function*() {
          const { emulator, functionLines, invoke, ownLines } = sandbox
          const body = gzipSync(Buffer.alloc(INFLATED_BYTES), { level: 1 })
          const batch: Batch = {
            destination: logs,
            id: 1,
            tally,
            oldestTimestamp: oldestTimestamp(),
            body,
            coding: "gzip"
          }
          const directory = `${emulator.temporaryDirectory}/o2-lambda-extension`
          mkdirSync(directory, { mode: 0o700 })
          writeFileSync(`${directory}/${SpillFile.nameOf(batch, 1, 1)}`, SpillFile.encode(batch), { mode: 0o600 })
          yield* invoke({ lines: ["before"] })
          yield* eventually(
            Effect.map(ownLines, complaints),
            (said) => said.some(({ message }) => message === "records cannot be read and were dropped")
          )
          const [{ pid } = { pid: undefined }] = yield* emulator.extensions
          const status = readFileSync(`/proc/${pid}/status`, "utf8")
          const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
          yield* invoke({ lines: ["after"] })
          const ledger = yield* ended(sandbox)
          assert.deepInclude(ledger, { replayed: tally.records, dropped: { unreadable: tally.records } })
          assert.deepStrictEqual(yield* functionLines, ["before\n", "after\n"])
          assert.isAtMost(peak, 80 + MAX_GROWTH_MB)
        })))
  }
})
