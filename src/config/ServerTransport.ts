/** The way to servers outside of the sandbox, as the settings have it. */
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Transport } from "../platform/Transport.ts"
import { ExtensionConfig } from "./Config.ts"

/** Connections of its own; `warn` is told, in a sentence, what is odd about a setting when that shows. */
export const layerWith = (
  warn: (problem: string) => Effect.Effect<void>
): Layer.Layer<Transport, never, ExtensionConfig> =>
  Layer.unwrap(
    ExtensionConfig.useSync(({ authorityFiles, proxy }) =>
      Transport.layerWith({ authorityFiles, proxy, onUselessFile: warn })
    )
  )
