/** Chance that never favours: what is ±20 % at random takes exactly its nominal time. */
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

export const evenChance = Layer.succeed(Random.Random, { nextDoubleUnsafe: () => 0.5, nextIntUnsafe: () => 0 })
