/** Reads what a Linux executable asks of the system that it runs on. (ELF gABI, "Program Header" and "Dynamic Section".) */

/** The machines of layers: `e_machine` by name. */
const machines: Readonly<Record<number, string>> = { 62: "x86_64", 183: "arm64" }

const ET_DYN = 3
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PT_GNU_STACK = 0x6474_e551
const PF_X = 1
const DT_NEEDED = 1n

/** Sizes of one program header and of one dynamic entry in a 64-bit file. */
const HEADER_BYTES = 56
const ENTRY_BYTES = 16

/** A 64-bit little-endian executable. */
export interface Executable {
  readonly machine: string | undefined
  /** The kernel chooses where it lies. */
  readonly isPositionIndependent: boolean
  /** It names a loader, which the system must have. */
  readonly hasInterpreter: boolean
  /** How many shared libraries it names. */
  readonly libraries: number
  readonly hasExecutableStack: boolean
}

/** What a file's headers say. */
export const inspect = (file: Buffer): Executable => {
  if (file.toString("latin1", 0, 6) !== "\u007fELF\u0002\u0001") throw new Error("not a 64-bit little-endian ELF file")
  const headersAt = Number(file.readBigUInt64LE(32))
  const headers = Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = headersAt + index * HEADER_BYTES
    return {
      type: file.readUInt32LE(at),
      flags: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 8)),
      size: Number(file.readBigUInt64LE(at + 32))
    }
  })
  let libraries = 0
  for (const { offset, size } of headers.filter(({ type }) => type === PT_DYNAMIC)) {
    for (let at = offset; at < offset + size; at += ENTRY_BYTES) {
      if (file.readBigInt64LE(at) === DT_NEEDED) libraries++
    }
  }
  return {
    machine: machines[file.readUInt16LE(18)],
    isPositionIndependent: file.readUInt16LE(16) === ET_DYN,
    hasInterpreter: headers.some(({ type }) => type === PT_INTERP),
    libraries,
    hasExecutableStack: headers.some(({ flags, type }) => type === PT_GNU_STACK && (flags & PF_X) !== 0)
  }
}
