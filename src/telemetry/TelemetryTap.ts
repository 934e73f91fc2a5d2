/** Where an embedder sees what Lambda posts, before it becomes records. Nobody looks, unless somebody is put here. */
import * as Context from "effect/Context"

/** Told of each post, joined to the one that it goes on from. Must not keep the bytes, change them or throw. */
export type TelemetryTap = (post: Uint8Array) => void

/** Who looks in this program. */
export const TelemetryTap = Context.Reference<TelemetryTap | undefined>("o2-lambda-extension/TelemetryTap", {
  defaultValue: () => undefined
})
