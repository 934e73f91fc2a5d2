/** Generations of one sandbox over a real temporary directory, and a disk that can be made to fail. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import FsPromises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { type Batch, halve } from "../../src/delivery/Batch.ts"
import { LambdaEnvironment } from "../../src/lambda/LambdaEnvironment.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import { Destinations } from "../../src/delivery/Destination.ts"
import { Spill } from "../../src/spill/Spill.ts"
import type { SpillableMemory } from "../../src/spill/SpillStore.ts"
import { numbersIn } from "./bufferFixtures.ts"
import { logs } from "./destinations.ts"
import { makeCapturedLog } from "./fakes/capturedLog.ts"

// --- Memory ------------------------------------------------------------------

/** A batch of numbered records, each of at least so many bytes. */
export const batchOf = (id: number, numbers: ReadonlyArray<number>, recordBytes = 0): Batch => {
  const records = numbers.map((n) => {
    const text = `{"_timestamp":${n},"p":""}`
    return text.replace("\"\"", `"${"x".repeat(Math.max(0, recordBytes - text.length - 1))}"`)
  })
  const body = Buffer.from(`[${records.join(",")}]`)
  return {
    destination: logs,
    id,
    tally: { records: numbers.length, bytes: body.length - 1 },
    oldestTimestamp: Math.min(...numbers),
    body,
    coding: "identity"
  }
}

/** Holds batches as the buffer does, keeps the books, and delivers what it is told to. */
class FakeMemory implements SpillableMemory {
  readonly batches = new Map<number, Batch>()
  /** Numbers of the records that were delivered, in that order. */
  readonly delivered: Array<number> = []
  /** Numbers of the records that were restored, in that order. */
  readonly restored: Array<number> = []
  /** How many batches there is room for, beside the bytes. */
  maxRestored = Infinity
  maxBytes = Infinity
  private readonly ledger: Ledger["Service"]
  private nextId = 0

  constructor(ledger: Ledger["Service"]) {
    this.ledger = ledger
  }

  get all(): Array<Batch> {
    return [...this.batches.values()].sort((a, b) => a.id - b.id)
  }

  readonly unsettled = Effect.sync(() => this.all)

  readonly roomBytes = Effect.sync(() => {
    const restored = this.all.filter(({ id }) => id < 0).length
    return restored < this.maxRestored ? this.maxBytes : 0
  })

  readonly restore = (batch: Batch) =>
    Effect.sync(() => {
      this.ledger.replayUnsafe("logs", batch.tally)
      this.batches.set(batch.id, batch)
      this.restored.push(...numbersIn(batch))
    })

  seal(numbers: ReadonlyArray<number>, recordBytes = 0): Batch {
    const batch = batchOf(this.nextId++, numbers, recordBytes)
    this.ledger.receiveUnsafe("logs", batch.tally)
    this.batches.set(batch.id, batch)
    return batch
  }

  /** Divides a batch of two records or more. */
  divide(batch: Batch): readonly [Batch, Batch] {
    const parts = halve(batch)
    this.batches.delete(batch.id)
    for (const part of parts) this.batches.set(part.id, part)
    return parts
  }

  deliver(batch: Batch): void {
    this.batches.delete(batch.id)
    this.ledger.moveUnsafe("logs", "buffered", "delivered", batch.tally)
    this.delivered.push(...numbersIn(batch))
  }

  /** What the end of a generation does with what was written. */
  spill(batches: ReadonlyArray<Batch>): void {
    for (const batch of batches) {
      this.batches.delete(batch.id)
      this.ledger.moveUnsafe("logs", "buffered", "spilled", batch.tally)
    }
  }

  drop(): void {
    for (const batch of this.batches.values()) {
      this.ledger.moveUnsafe("logs", "buffered", { dropped: "shutdown" }, batch.tally)
    }
    this.batches.clear()
  }
}

// --- Sandbox -----------------------------------------------------------------

/** One life of the process in a sandbox. */
export interface Generation {
  readonly spill: Spill["Service"]
  readonly ledger: Ledger["Service"]
  readonly memory: FakeMemory
  readonly log: ReturnType<typeof makeCapturedLog>
}

/** Begins another generation in the sandbox with this temporary directory. */
export const begin = Effect.fnUntraced(function*(temporaryDirectory: string) {
  const log = makeCapturedLog()
  const environment = Layer.succeed(LambdaEnvironment, {
    runtimeApi: "127.0.0.1:9001",
    extensionName: "o2-lambda-extension",
    region: undefined,
    logStreamName: undefined,
    isProvisioned: false,
    isManagedInstance: false,
    isSnapStart: false,
    temporaryDirectory,
    registration: undefined
  })
  const context = yield* Layer.build(
    Layer.fresh(Spill.layerNoDeps).pipe(
      Layer.provideMerge(Layer.fresh(Ledger.layer)),
      Layer.provide(Layer.succeed(Destinations, [logs])),
      Layer.provide(environment)
    )
  )
  const spill = Context.get(context, Spill)
  const ledger = Context.get(context, Ledger)
  const logged = <A>(effect: Effect.Effect<A>) => Effect.provide(effect, log.layer)
  const generation: Generation = {
    ledger,
    log,
    memory: new FakeMemory(ledger),
    spill: {
      write: (memory, atMost) => logged(spill.write(memory, atMost)),
      catchUp: (memory) => logged(spill.catchUp(memory)),
      isIdle: spill.isIdle
    }
  }
  return generation
})

/** A temporary directory of its own. */
export const makeSandbox = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(`${tmpdir()}/o2-spill-`)),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  ),
  (tmp) => {
    const directory = `${tmp}/o2-lambda-extension`
    return {
      tmp,
      directory,
      begin: begin(tmp),
      /** A generation that ends with these batches undelivered. */
      leave: Effect.fnUntraced(function*(...batches: ReadonlyArray<ReadonlyArray<number>>) {
        const generation = yield* begin(tmp)
        for (const numbers of batches) generation.memory.seal(numbers)
        yield* reset(generation)
      }),
      names: () => Fs.existsSync(directory) ? Fs.readdirSync(directory).sort() : []
    }
  }
)

/** Time enough. */
export const LONG = Duration.minutes(1)

/** Ends a generation as SHUTDOWN does: what could be written is spilled, the rest is dropped. */
export const reset = Effect.fnUntraced(function*({ memory, spill }: Generation, atMost = LONG) {
  const spilled = yield* spill.write(memory, atMost)
  memory.spill(spilled.onDisk)
  memory.drop()
  return spilled
})

/** The number of files that were given up; the books must add up. */
export const droppedFiles = Effect.fnUntraced(function*({ ledger }: Generation) {
  const books = yield* ledger.snapshot
  if (!isBalanced(books)) throw new Error(`the books do not add up: ${JSON.stringify(books)}`)
  return books.receiving.spillFilesDropped
})

// --- Disk --------------------------------------------------------------------

/** The calls that reach the disk. */
const calls = ["lstat", "mkdir", "open", "readdir", "rename", "statfs", "unlink", "writeFile"] as const
export type DiskCall = typeof calls[number]

/** Puts something before each call under a path; what it gives replaces the call. */
export const interceptDisk = (
  path: string,
  before: (call: DiskCall, args: ReadonlyArray<unknown>) => Promise<unknown> | undefined
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const real = { ...FsPromises }
      for (const call of calls) {
        const original = real[call] as (...args: Array<unknown>) => Promise<unknown>
        Object.assign(FsPromises, {
          [call]: (...args: Array<unknown>) =>
            (String(args[0]).startsWith(path) ? before(call, args) : undefined) ?? original(...args)
        })
      }
      // the one call of a start does without promises
      const fs = process.getBuiltinModule("node:fs")
      const { lstat } = fs
      const noted = (...args: Parameters<typeof lstat>) => {
        if (String(args[0]).startsWith(path)) void before("lstat", args)
        lstat(...args)
      }
      Object.assign(fs, { lstat: noted })
      syncBuiltinESMExports()
      return { lstat, real }
    }),
    ({ lstat, real }) =>
      Effect.sync(() => {
        Object.assign(FsPromises, real)
        Object.assign(process.getBuiltinModule("node:fs"), { lstat })
        syncBuiltinESMExports()
      })
  )

/** Has the disk say that so many bytes are free. */
export const withFreeBytes = (path: string, bytes: number) =>
  interceptDisk(
    path,
    (call) => call === "statfs" ? Promise.resolve({ bavail: bytes / 4096, bsize: 4096 }) : undefined
  )
