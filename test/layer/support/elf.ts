/** Reads which versions of the C library's symbols a Linux executable needs. (ELF gABI; LSB 5, "Symbol Versioning".) */

/** Section type of `.gnu.version_r`. */
const SHT_GNU_VERNEED = 0x6fff_fffe

/** Size of one section header in a 64-bit file. */
const SECTION_BYTES = 64

/** The machines of layers: `e_machine` by name. */
const machines: Readonly<Record<number, string>> = { 62: "x86_64", 183: "aarch64" }

/** Machine and needed versions ("GLIBC_2.17") of a 64-bit little-endian executable. */
export const inspect = (file: Buffer): { readonly machine: string | undefined; readonly versions: Array<string> } => {
  if (file.toString("latin1", 0, 6) !== "\u007fELF\u0002\u0001") throw new Error("not a 64-bit little-endian ELF file")
  const sectionsAt = Number(file.readBigUInt64LE(40))
  const count = file.readUInt16LE(60)
  const section = (index: number) => {
    const at = sectionsAt + index * SECTION_BYTES
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 24)),
      link: file.readUInt32LE(at + 40),
      info: file.readUInt32LE(at + 44)
    }
  }
  const versions: Array<string> = []
  for (let index = 0; index < count; index++) {
    const needs = section(index)
    if (needs.type !== SHT_GNU_VERNEED) continue
    const strings = section(needs.link).offset
    const text = (at: number) => file.toString("latin1", strings + at, file.indexOf(0, strings + at))
    for (let library = 0, at = needs.offset; library < needs.info; library++) {
      let entry = at + file.readUInt32LE(at + 8)
      for (let version = 0; version < file.readUInt16LE(at + 2); version++) {
        versions.push(text(file.readUInt32LE(entry + 8)))
        entry += file.readUInt32LE(entry + 12)
      }
      at += file.readUInt32LE(at + 12)
    }
  }
  return { machine: machines[file.readUInt16LE(18)], versions }
}
