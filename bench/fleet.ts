/**
 * A fleet of sandboxes and one OpenObserve that is away for ten minutes: how many requests it gets, above all after its
 * return, and when the last record has arrived. Prints one JSON line.
 *
 *     node bench/fleet.ts [sandboxes]
 *
 * Beside it the same fleet with plain exponential retry. Time is virtual: 10 000 sandboxes take a quarter of an hour.
 */
import * as Effect from "effect/Effect"
import { simulate } from "../test/fleet/fleet.ts"
import { rounded } from "./statistics.ts"

const SANDBOXES = Number(process.argv[2] ?? 10_000)
const SEED = "fleet"

const figures: Record<string, unknown> = {}
for (const host of ["lambda", "managed"] as const) {
  for (const absence of ["refuses", "hangs"] as const) {
    for (const client of ["extension", "plainRetry"] as const) {
      const result = await Effect.runPromise(simulate({ sandboxes: SANDBOXES, client, host, absence, seed: SEED }))
      figures[`${host}, ${absence}, ${client}`] = JSON.parse(
        JSON.stringify(result, (_, value: unknown) => typeof value === "number" ? rounded(value) : value)
      )
    }
  }
}
console.log(JSON.stringify({ bench: "fleet", sandboxes: SANDBOXES, seed: SEED, figures }))
