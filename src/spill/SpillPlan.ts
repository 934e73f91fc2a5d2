/** Decides which files a directory of spilled batches should hold. Pure. */
import type { Batch } from "../delivery/Batch.ts"
import * as SpillFile from "./SpillFile.ts"

/** A file whose records this process has, or has had, in memory. */
export interface HeldFile {
  readonly name: string
  /** Place of its first record in this process's own order. */
  readonly place: number
  readonly records: number
}

/** What there is, and what there should be. */
export interface Situation {
  /** Names of the files that are there. */
  readonly names: ReadonlyArray<string>
  readonly held: ReadonlyArray<HeldFile>
  readonly unsettled: ReadonlyArray<Batch>
  /** The name that a batch's file would get. */
  readonly nameFor: (batch: Batch) => string
  /** Bytes that may still be written to the disk. */
  readonly freeBytes: number
}

/** A file that holds settled records beside those of `parts`. */
interface OutdatedFile {
  readonly name: string
  readonly parts: ReadonlyArray<Batch>
}

/** A file to be written for a batch. */
interface PlannedFile {
  readonly name: string
  readonly batch: Batch
  /** Names of old files that must make room for it first, and not for others. */
  readonly evicted: ReadonlyArray<string>
}

/** What is to be done, in this order. */
export interface Plan {
  /** For the batches that need a file of their own and fit, the newest first. */
  readonly written: ReadonlyArray<PlannedFile>
  /** To be deleted when the parts have files of their own. */
  readonly outdated: ReadonlyArray<OutdatedFile>
}

/** Bound for all files together, but never more than half of what is free without them: `/tmp` is the function's. */
export const MAX_BYTES = 64 * 1024 * 1024

/** What the file systems in question give to a file at a time. Bounds the number of small files, too. */
const BLOCK_BYTES = 4096

/** Room that a file takes on the disk, as its name says. */
const roomOf = (name: string): number => {
  const bytes = SpillFile.sizeOf(SpillFile.parseName(name)?.contentBytes ?? 0)
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

/** Every unsettled batch in a file, if there is room, and no settled record beside it. */
export const plan = (situation: Situation): Plan => {
  const partsOf = bySealedBatch(situation.unsettled)
  const isOutdated = (file: HeldFile) => partsOf(file).reduce((sum, { tally }) => sum + tally.records, 0) < file.records
  return planReplacing(
    situation,
    situation.held.filter(isOutdated).map((file) => ({ name: file.name, parts: partsOf(file) }))
  )
}

const planReplacing = (situation: Situation, outdated: ReadonlyArray<OutdatedFile>): Plan => {
  const { freeBytes, held, names, nameFor, unsettled } = situation
  const isOutdated = new Set(outdated.map(({ name }) => name))
  const { notOnDisk } = partition(held.filter(({ name }) => !isOutdated.has(name)), unsettled)
  if (notOnDisk.length === 0) return { written: [], outdated }

  const there = names.filter((name) => !isOutdated.has(name))
  const total = (names: ReadonlyArray<string>) => names.reduce((sum, name) => sum + roomOf(name), 0)
  const bound = Math.min(MAX_BYTES, (freeBytes + total(names)) / 2)
  const { fitting, others } = fit(
    [
      ...there.map((name) => ({ name, batch: undefined })),
      ...notOnDisk.map((batch) => ({ name: nameFor(batch), batch }))
    ],
    bound
  )
  // an old file whose parts do not all fit beside what is newer is better than nothing
  const missing = new Set(others.map(({ batch }) => batch))
  const replaceable = outdated.filter(({ parts }) => !parts.some((batch) => missing.has(batch)))
  if (replaceable.length < outdated.length) return planReplacing(situation, replaceable)

  // what is old goes only when what is new comes: there may not be time for all of it
  const evictable = others.filter(({ batch }) => batch === undefined).map(({ name }) => name)
  let used = total(there)
  const written: Array<PlannedFile> = []
  for (const { batch, name } of fitting) {
    if (batch === undefined) continue
    const evicted: Array<string> = []
    used += roomOf(name)
    while (used > bound && evictable.length > 0) {
      const oldest = evictable.pop()!
      used -= roomOf(oldest)
      evicted.push(oldest)
    }
    written.push({ name, batch, evicted })
  }
  return { written, outdated }
}

/** What is there or is to be there and fits within the bound, and what does not; both the newest first. */
const fit = <A extends { readonly name: string }>(candidates: ReadonlyArray<A>, bound: number) => {
  const fitting: Array<A> = []
  const others: Array<A> = []
  let room = bound
  for (const candidate of candidates.toSorted((a, b) => a.name < b.name ? 1 : -1)) {
    const needed = roomOf(candidate.name)
    if (needed > room) others.push(candidate)
    else {
      room -= needed
      fitting.push(candidate)
    }
  }
  return { fitting, others }
}

/** Files of which nothing is unsettled. */
export const settled = (
  files: ReadonlyArray<HeldFile>,
  unsettled: ReadonlyArray<Batch>
): ReadonlyArray<HeldFile> => {
  const partsOf = bySealedBatch(unsettled)
  return files.filter((file) => partsOf(file).length === 0)
}

/** The batches whose records are all in one of the files, and the others. */
export const partition = (
  files: ReadonlyArray<HeldFile>,
  batches: ReadonlyArray<Batch>
): { readonly onDisk: ReadonlyArray<Batch>; readonly notOnDisk: ReadonlyArray<Batch> } => {
  const partsOf = bySealedBatch(batches)
  const held = new Set(files.flatMap((file) => partsOf(file).filter((batch) => holds(file, batch))))
  return {
    onDisk: batches.filter((batch) => held.has(batch)),
    notOnDisk: batches.filter((batch) => !held.has(batch))
  }
}

// --- Places ------------------------------------------------------------------

const startOf = (batch: Batch): number => SpillFile.placeOf(batch.id)
const endOf = (batch: Batch): number => startOf(batch) + batch.tally.records

const holds = (file: HeldFile, batch: Batch): boolean =>
  file.place <= startOf(batch) && endOf(batch) <= file.place + file.records

const touches = (file: HeldFile, batch: Batch): boolean =>
  file.place < endOf(batch) && startOf(batch) < file.place + file.records

/** Finds the batches that have records in a file, without looking at all of them. */
const bySealedBatch = (batches: ReadonlyArray<Batch>): (file: HeldFile) => ReadonlyArray<Batch> => {
  const parts = new Map<number, Array<Batch>>()
  for (const batch of batches) {
    const sealed = Math.floor(batch.id)
    const others = parts.get(sealed)
    if (others === undefined) parts.set(sealed, [batch])
    else others.push(batch)
  }
  return (file) => (parts.get(SpillFile.sealedAt(file.place)) ?? []).filter((batch) => touches(file, batch))
}
