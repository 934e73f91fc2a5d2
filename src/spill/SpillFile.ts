/**
 * The form in which a batch outlives a reset of the sandbox: one file each. Pure.
 *
 * A file, numbers in network byte order:
 *
 * | offset | bytes | what |
 * | --- | --- | --- |
 * | 0 | 7 | `o2spill` |
 * | 7 | 1 | version of the format: 2 |
 * | 8 | 4 | CRC-32 of everything behind it |
 * | 12 | 1 | coding of the body: 0 identity, 1 gzip; 2 more when it may have too many columns |
 * | 13 | 4 | records |
 * | 17 | 8 | their bytes before compression, as a double |
 * | 25 | 8 | smallest time of a record in µs since the epoch, as a double |
 * | 33 | 4 | length of the content, which is all that follows |
 * | 37 | 1 | length of the destination's name |
 * | 38 | | the destination's name, in ASCII |
 * | | | the body, in the destination's format |
 *
 * Version 1, written until 0.1, is read as well: the content is the body, and the destination is `logs`.
 *
 * A file's name says what is needed to order files and to keep their bound, so that a directory is known by one look at it:
 * `<generation>-<process>-<place>-<records>-<length of the content>.spill`. Names sort by age: generations first, then the
 * places of the records in their order of arrival.
 */
import * as Zlib from "node:zlib"
import { type Batch, MAX_RECORDS } from "../delivery/Batch.ts"

// --- Content -----------------------------------------------------------------

/** A batch apart from its place in the order, which is this process's own, and from what one server has done with it. */
export interface Content extends Omit<Batch, "id" | "suspicion" | "destination"> {
  /** The destination's name. */
  readonly destination: string
}

/** Why a file is not what was written. */
export type Flaw =
  /** Nothing of ours. */
  | "foreign"
  /** Of another version of this program. */
  | "version"
  /** The end is missing. */
  | "truncated"
  /** Changed on its way. */
  | "corrupt"

const MAGIC = Buffer.from("o2spill")
const VERSION = 2
const VERSION_WITHOUT_DESTINATION = 1
const VERSION_AT = 7
const CHECKSUM_AT = 8
const CODING_AT = 12
const RECORDS_AT = 13
const BYTES_AT = 17
const OLDEST_AT = 25
const LENGTH_AT = 33
const HEADER_BYTES = 37

/** The destination of files that do not name one. */
const FIRST_DESTINATION = "logs"

const codings = ["identity", "gzip"] as const
/** Added to the coding of a batch that is `isWide`. */
const WIDE = 2

/** Length of what stands behind a file's header. */
const contentBytesOf = ({ body, destination: { name } }: Batch): number => 1 + name.length + body.length

/** The bytes of a file. */
export const encode = (batch: Batch): Buffer => {
  const { body, coding, destination: { name }, isWide, oldestTimestamp, tally } = batch
  const contentBytes = contentBytesOf(batch)
  const file = Buffer.allocUnsafeSlow(HEADER_BYTES + contentBytes)
  MAGIC.copy(file)
  file[VERSION_AT] = VERSION
  file[CODING_AT] = codings.indexOf(coding) + (isWide === true ? WIDE : 0)
  file.writeUInt32BE(tally.records, RECORDS_AT)
  file.writeDoubleBE(tally.bytes, BYTES_AT)
  file.writeDoubleBE(oldestTimestamp, OLDEST_AT)
  file.writeUInt32BE(contentBytes, LENGTH_AT)
  file[HEADER_BYTES] = name.length
  file.write(name, HEADER_BYTES + 1, "latin1")
  body.copy(file, HEADER_BYTES + 1 + name.length)
  file.writeUInt32BE(Zlib.crc32(file.subarray(CODING_AT)), CHECKSUM_AT)
  return file
}

/** What a file holds, or what is wrong with it. The body is a part of the given bytes, not a copy. */
export const decode = (file: Buffer): Content | Flaw => {
  const start = file.subarray(0, MAGIC.length)
  if (!start.equals(MAGIC.subarray(0, file.length))) return "foreign"
  if (file.length <= VERSION_AT) return "truncated"
  if (file[VERSION_AT] !== VERSION && file[VERSION_AT] !== VERSION_WITHOUT_DESTINATION) return "version"
  if (file.length < HEADER_BYTES) return "truncated"
  const end = HEADER_BYTES + file.readUInt32BE(LENGTH_AT)
  if (file.length < end) return "truncated"
  const isWide = file[CODING_AT]! >= WIDE
  const coding = codings[file[CODING_AT]! - (isWide ? WIDE : 0)]
  const isWhole = file.length === end && file.readUInt32BE(CHECKSUM_AT) === Zlib.crc32(file.subarray(CODING_AT))
  const tally = { records: file.readUInt32BE(RECORDS_AT), bytes: file.readDoubleBE(BYTES_AT) }
  const oldestTimestamp = file.readDoubleBE(OLDEST_AT)
  const { bodyAt, destination } = destinationOf(file)
  const isSound = isWhole && bodyAt <= end && isPossible(tally) && !Number.isNaN(oldestTimestamp)
  if (!isSound || coding === undefined) return "corrupt"
  return { destination, tally, oldestTimestamp, body: file.subarray(bodyAt), coding, ...(isWide ? { isWide } : {}) }
}

const destinationOf = (file: Buffer): { readonly destination: string; readonly bodyAt: number } => {
  if (file[VERSION_AT] === VERSION_WITHOUT_DESTINATION) return { destination: FIRST_DESTINATION, bodyAt: HEADER_BYTES }
  const bodyAt = HEADER_BYTES + 1 + (file[HEADER_BYTES] ?? 0)
  return { destination: file.toString("latin1", HEADER_BYTES + 1, bodyAt), bodyAt }
}

/** A checksum is no secret: whatever the function has written there must not spoil books or places. */
const isPossible = ({ bytes, records }: Batch["tally"]): boolean =>
  records > 0 && records <= MAX_RECORDS && Number.isSafeInteger(bytes) && bytes >= 0

// --- Name --------------------------------------------------------------------

/** What a file's name says. */
export interface Name {
  /** Of the process that wrote it; later ones have greater numbers. */
  readonly generation: number
  readonly records: number
  readonly contentBytes: number
}

/**
 * Place of a batch's first record in the order of arrival: every sealed batch has `MAX_RECORDS` places. The parts of a
 * divided one lie between its place and the next, each as far from it as there are records before them.
 */
export const placeOf = (id: number): number => id * MAX_RECORDS

/** The number of the sealed batch that a place belongs to. */
export const sealedAt = (place: number): number => Math.floor(place / MAX_RECORDS)

/** Makes places positive: those of 2^29 batches on both sides of 0 lie between ±2^52, and then have 16 digits. */
const PLACE_OFFSET = 2 ** 52
const PLACE_DIGITS = 16

/** Digits of a time in ms for the next 30 000 years. */
const GENERATION_DIGITS = 15

const NAME = /^(\d{15})-\d+-\d{16}-(\d{1,10})-(\d{1,10})\.spill$/

/** The end of a name whose file is still being written. */
export const TEMPORARY_SUFFIX = ".tmp"

/** The name of a batch's file. Processes have theirs in it, so that none overwrites the files of another. */
export const nameOf = (batch: Batch, generation: number, process: number): string => {
  const first = String(generation).padStart(GENERATION_DIGITS, "0")
  const place = String(PLACE_OFFSET + placeOf(batch.id)).padStart(PLACE_DIGITS, "0")
  return `${first}-${process}-${place}-${batch.tally.records}-${contentBytesOf(batch)}.spill`
}

/** `undefined` for a name that `nameOf` does not give. */
export const parseName = (name: string): Name | undefined => {
  const parts = NAME.exec(name)
  return parts === null
    ? undefined
    : { generation: Number(parts[1]), records: Number(parts[2]), contentBytes: Number(parts[3]) }
}

/** Size of a file whose content has the given length. */
export const sizeOf = (contentBytes: number): number => HEADER_BYTES + contentBytes
