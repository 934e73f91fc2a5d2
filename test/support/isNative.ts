/** Tells the two flavours of the layer apart by what lands in `/opt/extensions`. */
import { closeSync, openSync, readSync } from "node:fs"

const ELF = "\u007fELF"

/** Whether an extension is an executable itself (standalone), and no launcher (nodejs). */
export const isNative = (extension: string): boolean => {
  const start = Buffer.alloc(ELF.length)
  const file = openSync(extension, "r")
  try {
    readSync(file, start)
  } finally {
    closeSync(file)
  }
  return start.toString("latin1") === ELF
}
