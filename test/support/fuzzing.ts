/**
 * How much property tests try. The project `fuzz` tries more than `unit`, from a seed that it prints; `FUZZ_SEED` repeats
 * it, `FUZZ_CASES=1000000` is for a long evening.
 */
import * as fc from "fast-check"
import { randomInt } from "node:crypto"

const factor = Number(process.env["FUZZ_FACTOR"] ?? 1)

const LARGEST_SEED = 2 ** 31

const seed = Number(process.env["FUZZ_SEED"] ?? randomInt(LARGEST_SEED))
fc.configureGlobal({ seed })
if (factor > 1) process.stdout.write(`FUZZ_SEED=${seed}\n`)

/** Runs of a property test. */
export const runs = (usual: number): number => usual * factor

/** Runs of the test that compares the encoder with `JSON.parse`. */
export const cases = (usual: number): number => Number(process.env["FUZZ_CASES"] ?? usual)
