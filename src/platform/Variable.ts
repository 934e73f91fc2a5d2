/** One variable of the environment, by way of the `ConfigProvider` that tests and embedders may replace. */
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

/** The text of a variable; `undefined` when it is not set, or cannot be read. */
export const textOf = (provider: ConfigProvider.ConfigProvider, name: string): Effect.Effect<string | undefined> =>
  provider.load([name]).pipe(Effect.map((node) => node?.value), Effect.orElseSucceed(() => undefined))
