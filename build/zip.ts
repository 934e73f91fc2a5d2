/**
 * Writes zip archives whose bytes depend on nothing but their contents: sorted entries, one fixed date, given modes, and
 * deflate streams that were made beforehand. (PKWARE's APPNOTE.TXT 4.3 and 4.4 define the format.)
 */
import { crc32 } from "node:zlib"

/** One file of an archive. */
export interface ZipEntry {
  /** Path inside the archive, with slashes. */
  readonly path: string
  readonly isExecutable: boolean
  readonly bytes: Uint8Array
  /** The same bytes as a raw deflate stream. */
  readonly deflated: Uint8Array
}

const LOCAL_SIGNATURE = 0x0403_4b50
const CENTRAL_SIGNATURE = 0x0201_4b50
const END_SIGNATURE = 0x0605_4b50

/** Version 2.0 of the format: deflate. */
const VERSION_NEEDED = 20

/** Made on Unix (3 in the high byte), so that unzip programs apply the mode. */
const VERSION_MADE_BY = (3 << 8) | VERSION_NEEDED

/** Names are UTF-8 (bit 11). */
const FLAGS = 1 << 11

const METHOD_DEFLATE = 8

/** 1980-01-01 00:00, the first moment that the format knows. */
const DOS_DATE = (1 << 5) | 1
const DOS_TIME = 0

/** Regular files, for their owner to write (Lambda runs extensions as another user: everybody may read). */
const MODE_EXECUTABLE = 0o100755
const MODE_PLAIN = 0o100644

/** The archive's bytes. */
export const zip = (entries: ReadonlyArray<ZipEntry>): Uint8Array => {
  const locals: Array<Uint8Array> = []
  const centrals: Array<Uint8Array> = []
  let offset = 0
  for (const entry of [...entries].sort((a, b) => a.path < b.path ? -1 : 1)) {
    const name = Buffer.from(entry.path, "utf8")
    const common = commonFields(entry, name.length)
    const local = Buffer.alloc(4)
    local.writeUInt32LE(LOCAL_SIGNATURE)
    locals.push(local, common, name, entry.deflated)
    centrals.push(centralHead(), common, centralTail(entry, offset), name)
    offset += local.length + common.length + name.length + entry.deflated.length
  }
  const directory = Buffer.concat(centrals)
  return Buffer.concat([...locals, directory, endRecord(entries.length, directory.length, offset)])
}

/** What the local header and the central one have in common: from "version needed" to "extra field length". */
const commonFields = ({ bytes, deflated }: ZipEntry, nameLength: number): Buffer => {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(VERSION_NEEDED, 0)
  fields.writeUInt16LE(FLAGS, 2)
  fields.writeUInt16LE(METHOD_DEFLATE, 4)
  fields.writeUInt16LE(DOS_TIME, 6)
  fields.writeUInt16LE(DOS_DATE, 8)
  fields.writeUInt32LE(crc32(bytes), 10)
  fields.writeUInt32LE(deflated.length, 14)
  fields.writeUInt32LE(bytes.length, 18)
  fields.writeUInt16LE(nameLength, 22)
  return fields
}

const centralHead = (): Buffer => {
  const head = Buffer.alloc(6)
  head.writeUInt32LE(CENTRAL_SIGNATURE, 0)
  head.writeUInt16LE(VERSION_MADE_BY, 4)
  return head
}

/** From "file comment length" to "offset of the local header"; no comment, first disk, binary. */
const centralTail = ({ isExecutable }: ZipEntry, offset: number): Buffer => {
  const tail = Buffer.alloc(14)
  tail.writeUInt32LE((isExecutable ? MODE_EXECUTABLE : MODE_PLAIN) * 0x1_0000, 6)
  tail.writeUInt32LE(offset, 10)
  return tail
}

const endRecord = (count: number, directoryLength: number, directoryOffset: number): Buffer => {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END_SIGNATURE, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directoryLength, 12)
  end.writeUInt32LE(directoryOffset, 16)
  return end
}
