/** Ids that nobody can guess and no other sandbox has. */
import * as Fs from "node:fs"

/**
 * Linux gives another UUID with each read, also in each sandbox that a snapshot is restored to, where the state of
 * `Math.random` is the same in all. `node:crypto` would be loaded for it in every cold start, and engines other than
 * Node.js need not have it.
 */
const KERNEL_UUID = "/proc/sys/kernel/random/uuid"

/** Random letters and digits in one number of `Math.random`. */
const PIECE_LENGTH = 8

/** A new id: letters, digits and hyphens. */
export const make = (): string => {
  try {
    return Fs.readFileSync(KERNEL_UUID, "latin1").trim()
  } catch {
    // not Linux: a machine where embedders develop
    const piece = () => Math.random().toString(36).slice(2).padEnd(PIECE_LENGTH, "0").slice(0, PIECE_LENGTH)
    return Array.from({ length: 4 }, piece).join("-")
  }
}
