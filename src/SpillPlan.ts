/** Decides which files a directory of spilled batches should hold. Pure. */
import type { Batch } from "./Batch.ts"
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
export interface OutdatedFile {
  readonly name: string
  readonly parts: ReadonlyArray<Batch>
}

/** What is to be done, in this order. */
export interface Plan {
  /** Names of the oldest files, which newer records need the room of. */
  readonly evicted: ReadonlyArray<string>
  /** Batches that need a file of their own and fit, the newest first. */
  readonly written: ReadonlyArray<{ readonly name: string; readonly batch: Batch }>
  /** To be deleted when the parts have files of their own. */
  readonly outdated: ReadonlyArray<OutdatedFile>
}

/** Bound for all files together, but never more than half of what is free without them: `/tmp` is the function's. */
export const MAX_BYTES = 64 * 1024 * 1024

/** What the file systems in question give to a file at a time. Bounds the number of small files, too. */
const BLOCK_BYTES = 4096

/** Room that a file takes on the disk, as its name says. */
const roomOf = (name: string): number => {
  const bytes = SpillFile.sizeOf(SpillFile.parseName(name)?.bodyBytes ?? 0)
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
  const { notOnDisk } = divide(held.filter(({ name }) => !isOutdated.has(name)), unsettled)
  // what is old goes only for what is new
  if (notOnDisk.length === 0) return { evicted: [], written: [], outdated }

  const candidates = [
    ...names.filter((name) => !isOutdated.has(name)).map((name) => ({ name, batch: undefined })),
    ...notOnDisk.map((batch) => ({ name: nameFor(batch), batch }))
  ].sort((a, b) => a.name < b.name ? 1 : -1)
  const evicted: Array<string> = []
  const written: Array<Plan["written"][number]> = []
  const missing = new Set<Batch>()
  let room = Math.min(MAX_BYTES, (freeBytes + names.reduce((sum, name) => sum + roomOf(name), 0)) / 2)
  for (const { batch, name } of candidates) {
    const isFitting = roomOf(name) <= room
    if (isFitting) room -= roomOf(name)
    if (batch === undefined) {
      if (!isFitting) evicted.push(name)
    } else if (isFitting) written.push({ name, batch })
    else missing.add(batch)
  }
  // an old file whose parts do not all fit beside what is newer is better than nothing
  const replaceable = outdated.filter(({ parts }) => !parts.some((batch) => missing.has(batch)))
  if (replaceable.length < outdated.length) return planReplacing(situation, replaceable)
  return { evicted, written, outdated }
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
export const divide = (
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
