/** The files of `Spill`: what is written, restored and deleted when. Loaded when the disk has work. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Batch } from "../delivery/Batch.ts"
import type { Ledger } from "../delivery/Ledger.ts"
import type { Obstacle, SpillableMemory, Spilled } from "./Spill.ts"
import * as Disk from "./SpillDirectory.ts"
import * as SpillFile from "./SpillFile.ts"
import * as SpillPlan from "./SpillPlan.ts"

/** The files in a directory, and what of them is in memory, too. */
export const make = (directory: string, ledger: Ledger["Service"]) => {
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
  const loadOne = Effect.fnUntraced(function*(name: string, memory: SpillableMemory) {
    if (held.has(name) || stuck.has(name)) return "known"
    const says = SpillFile.parseName(name)
    if (says === undefined || says.bodyBytes > SpillPlan.MAX_BYTES) return "foreign"
    if (says.bodyBytes > (yield* memory.roomBytes)) return "later"
    const content = yield* Disk.read(directory, name, SpillFile.sizeOf(says.bodyBytes)).pipe(Effect.match({
      onSuccess: (bytes) => bytes === undefined ? "known" : SpillFile.decode(bytes),
      onFailure: ({ code }) => SHORTAGES.has(code) ? "later" : FOREIGN.has(code) ? "foreign" : "unreadable"
    }))
    if (typeof content === "string") return content
    if (content.tally.records !== says.records || content.body.length !== says.bodyBytes) return "corrupt"
    const id = nextRestoredId++
    held.set(name, { name, place: SpillFile.placeOf(id), records: says.records })
    yield* memory.restore({ id, ...content })
    return "restored"
  })

  const loadAll = Effect.fnUntraced(function*(memory: SpillableMemory) {
    mayHaveMore = false
    if (!(yield* Disk.exists(directory))) return
    const dropped: Record<string, number> = {}
    for (const name of yield* exclusively(Disk.list(directory))) {
      // one file at a time, so that writing need not wait for all
      const outcome = yield* loadOne(name, memory).pipe(
        Effect.tap((outcome) => isFlaw(outcome) ? giveUp(name) : Effect.void),
        Effect.uninterruptible,
        exclusively
      )
      if (outcome === "later") {
        mayHaveMore = true
        break
      }
      if (isFlaw(outcome)) dropped[outcome] = (dropped[outcome] ?? 0) + 1
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

/** What is made. */
export type SpillStore = ReturnType<typeof make>

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

const isFlaw = (outcome: string): boolean => outcome !== "restored" && outcome !== "known" && outcome !== "later"

const generationAfter = (names: ReadonlyArray<string>): number =>
  1 + names.reduce((newest, name) => Math.max(newest, SpillFile.parseName(name)?.generation ?? 0), 0)
