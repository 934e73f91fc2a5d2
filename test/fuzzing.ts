/** How much property tests try: `FUZZ_FACTOR` times as much as in the quick suite. */

const factor = Number(process.env["FUZZ_FACTOR"] ?? 1)

/** Runs of a property test, for fast-check, which prints the seed of a failure. */
export const runs = (usual: number): number => usual * factor
