/** The files of `Spill`: what is written, restored and deleted when. Loaded when the disk has work. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Batch } from "../delivery/Batch.ts"
import type { Destination } from "../delivery/Destination.ts"
import type { Ledger } from "../delivery/Ledger.ts"
import * as Disk from "./SpillDirectory.ts"
import * as SpillFile from "./SpillFile.ts"
import * as SpillPlan from "./SpillPlan.ts"

/** The memory that the files stand in for. */
export interface SpillableMemory {
  /** Everything that is not settled, in flight included. Asked for when the disk is free. */
  readonly unsettled: Effect.Effect<ReadonlyArray<Batch>>
  /** Bytes that the body of a restored batch may have at the moment. */
  readonly roomBytes: Effect.Effect<number>
  /** Takes a batch that an earlier generation has left; from then on it is unsettled. */
  readonly restore: (batch: Batch) => Effect.Effect<void>
}

/** Why a batch is not on the disk. */
export type Obstacle =
  /** The directory cannot be used. */
  | "directory"
  /** Newer records needed the room, or the disk is full. */
  | "room"
  /** Time was over. */
  | "time"
  /** The disk refused it. */
  | "disk"

/** Which of the unsettled batches are on the disk. */
export interface Spilled {
  readonly onDisk: ReadonlyArray<Batch>
  readonly notOnDisk: ReadonlyArray<{ readonly batch: Batch; readonly obstacle: Obstacle }>
}

/** The files in a directory, and what of them is in memory, too. */
export const make = (
  directory: string,
  ledger: Ledger["Service"],
  destinations: ReadonlyArray<Destination>
) => {
  const exclusively = Semaphore.makeUnsafe(1).withPermit
  // files that are in memory, too, by name
  const held = new Map<string, SpillPlan.HeldFile>()
  // names of files that were given up and cannot be deleted: counted once
  const stuck = new Set<string>()
  let generation: number | undefined
  // whether earlier generations may have left what is not restored yet
  let mayHaveMore = true
  let nextRestoredId = FIRST_RESTORED_ID

  const said = new Set<string>()
  const warnOnce = (message: string, cause: string) =>
    Effect.suspend(() => {
      if (said.has(message)) return Effect.void
      said.add(message)
      return Effect.logWarning(message, { directory, cause })
    })

  const warnOfDirectory = ({ code }: Disk.DiskError) =>
    Effect.suspend(() => {
      if (code === "FOREIGN" && !said.has(DIRECTORY_WARNING)) ledger.countUnsafe("spillFilesDropped", 1)
      return warnOnce(DIRECTORY_WARNING, code)
    })

  /** Deletes a file that is in memory, too, or not needed there any more. */
  const release = (name: string) =>
    Effect.uninterruptible(Effect.andThen(Disk.remove(directory, name), Effect.sync(() => held.delete(name)))).pipe(
      Effect.catch(({ code }) => warnOnce(DELETION_WARNING, code))
    )

  const releaseSettled = (unsettled: ReadonlyArray<Batch>) =>
    Effect.forEach(SpillPlan.settled([...held.values()], unsettled), ({ name }) => release(name), { discard: true })

  /** Deletes a file whose records only it has. */
  const giveUp = (name: string) =>
    Effect.suspend(() => {
      ledger.countUnsafe("spillFilesDropped", 1)
      return Disk.remove(directory, name)
    }).pipe(Effect.catch(() => Effect.sync(() => stuck.add(name))))

  // --- Writing -----------------------------------------------------------

  const writeOne = Effect.fnUntraced(function*(name: string, batch: Batch) {
    yield* Disk.write(directory, name, SpillFile.encode(batch))
    held.set(name, { name, place: SpillFile.placeOf(batch.id), records: batch.tally.records })
  }, Effect.uninterruptible)

  const writeAll = Effect.fnUntraced(function*(unsettled: ReadonlyArray<Batch>, until: number) {
    yield* Disk.create(directory)
    const names = yield* Disk.list(directory)
    const isThere = new Set(names)
    // the function may have emptied its /tmp
    for (const name of held.keys()) if (!isThere.has(name)) held.delete(name)
    const own = generation ??= Math.max(yield* Clock.currentTimeMillis, generationAfter(names))
    const { outdated, written } = SpillPlan.plan({
      names: names.filter((name) => !stuck.has(name)),
      held: [...held.values()],
      unsettled,
      nameFor: (batch) => SpillFile.nameOf(batch, own, process.pid),
      freeBytes: yield* Disk.freeBytes(directory)
    })
    const obstacles = new Map<Batch, Obstacle>()
    for (const { batch, evicted, name } of written) {
      if ((yield* Clock.currentTimeMillis) >= until) obstacles.set(batch, "time")
      else {
        for (const old of evicted) yield* held.has(old) ? release(old) : giveUp(old)
        yield* writeOne(name, batch).pipe(Effect.catch(({ code }) => {
          obstacles.set(batch, FULL.has(code) ? "room" : "disk")
          return warnOnce(WRITING_WARNING, code)
        }))
      }
    }
    for (const { name, parts } of outdated) {
      // what could not be written anew is still in the old file
      if (!parts.some((batch) => obstacles.has(batch))) yield* release(name)
    }
    return obstacles
  })

  // --- Loading -----------------------------------------------------------

  /** Restores the batch in a file, or says why not. */
  const loadOne = Effect.fnUntraced(function*(name: string, memory: SpillableMemory): Effect.fn.Return<Loaded> {
    if (held.has(name) || stuck.has(name)) return KNOWN
    const says = SpillFile.parseName(name)
    if (says === undefined || says.contentBytes > SpillPlan.MAX_BYTES) return flawed("foreign")
    if (says.contentBytes > (yield* memory.roomBytes)) return LATER
    const read = yield* Effect.result(Disk.read(directory, name, SpillFile.sizeOf(says.contentBytes)))
    if (read._tag === "Failure") {
      const { code } = read.failure
      return SHORTAGES.has(code) ? LATER : flawed(FOREIGN.has(code) ? "foreign" : "unreadable")
    }
    if (read.success === undefined) return KNOWN
    const content = SpillFile.decode(read.success)
    if (typeof content === "string") return flawed(content)
    const { destination: destinationName, ...rest } = content
    if (rest.tally.records !== says.records || read.success.length !== SpillFile.sizeOf(says.contentBytes)) {
      return flawed("corrupt")
    }
    const destination = destinations.find(({ name }) => name === destinationName)
    if (destination === undefined) return flawed("destination")
    const id = nextRestoredId++
    held.set(name, { name, place: SpillFile.placeOf(id), records: says.records })
    yield* memory.restore({ id, destination, ...rest })
    return { _tag: "Restored" }
  })

  const loadAll = Effect.fnUntraced(function*(memory: SpillableMemory) {
    mayHaveMore = false
    if (!(yield* Disk.exists(directory))) return
    const dropped: Record<string, number> = {}
    for (const name of yield* exclusively(Disk.list(directory))) {
      // one file at a time, so that writing need not wait for all
      const loaded = yield* loadOne(name, memory).pipe(
        Effect.tap((loaded) => loaded._tag === "Flawed" ? giveUp(name) : Effect.void),
        Effect.uninterruptible,
        exclusively
      )
      if (loaded._tag === "Later") {
        mayHaveMore = true
        break
      }
      if (loaded._tag === "Flawed") dropped[loaded.flaw] = (dropped[loaded.flaw] ?? 0) + 1
    }
    if (Object.keys(dropped).length === 0) return
    yield* Effect.logWarning("files that an earlier start has left are not usable and were dropped", {
      directory,
      ...dropped
    })
  })

  return {
    write: Effect.fnUntraced(
      function*(memory: SpillableMemory, atMost: Duration.Duration): Effect.fn.Return<Spilled> {
        const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(atMost)
        return yield* exclusively(Effect.gen(function*() {
          const unsettled = yield* memory.unsettled
          yield* releaseSettled(unsettled)
          if (unsettled.length === 0) return { onDisk: [], notOnDisk: [] }
          const obstacles = yield* writeAll(unsettled, until).pipe(
            Effect.catch((error) => Effect.as(warnOfDirectory(error), undefined))
          )
          const files = obstacles === undefined ? [] : [...held.values()]
          const { notOnDisk, onDisk } = SpillPlan.partition(files, unsettled)
          const obstacleOf = (batch: Batch): Obstacle =>
            obstacles === undefined ? "directory" : obstacles.get(batch) ?? "room"
          return { onDisk, notOnDisk: notOnDisk.map((batch) => ({ batch, obstacle: obstacleOf(batch) })) }
        }))
      }
    ),
    isIdle: () => held.size === 0 && !mayHaveMore,
    catchUp: Effect.fnUntraced(function*(memory: SpillableMemory) {
      if (held.size > 0) yield* exclusively(Effect.flatMap(memory.unsettled, releaseSettled))
      if (mayHaveMore) yield* loadAll(memory).pipe(Effect.catch(warnOfDirectory))
    })
  }
}

export type SpillStore = ReturnType<typeof make>

/** What came of a file. */
type Loaded =
  | { readonly _tag: "Restored" }
  /** In memory, given up before, or gone. */
  | { readonly _tag: "Known" }
  /** There is no room for it at the moment. */
  | { readonly _tag: "Later" }
  | { readonly _tag: "Flawed"; readonly flaw: SpillFile.Flaw | "unreadable" | "destination" }

const KNOWN: Loaded = { _tag: "Known" }
const LATER: Loaded = { _tag: "Later" }
const flawed = (flaw: Extract<Loaded, { _tag: "Flawed" }>["flaw"]): Loaded => ({ _tag: "Flawed", flaw })

/** Below the numbers of all batches that this process seals, and far enough that it cannot restore as many. */
const FIRST_RESTORED_ID = -(2 ** 28)

/** What the system says when there is no room. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"])

/** What will pass, so that a file is not to blame. */
const SHORTAGES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"])

/** Links, and what cannot be opened as files are. */
const FOREIGN: ReadonlySet<string> = new Set(["FOREIGN", "ELOOP", "ENXIO"])

const DIRECTORY_WARNING = "what is left at the end cannot be kept for the next start: the directory cannot be used"
const WRITING_WARNING = "what is left at the end could not be written for the next start"
const DELETION_WARNING = "a file cannot be deleted although its records are settled: the next start sends them again"

const generationAfter = (names: ReadonlyArray<string>): number =>
  1 + names.reduce((newest, name) => Math.max(newest, SpillFile.parseName(name)?.generation ?? 0), 0)
