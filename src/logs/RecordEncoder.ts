/** Turns posts into records, in order; `PostEncoder.ts` says how. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExtensionConfig } from "../config/Config.ts"
import type { FunctionIdentity } from "../lambda/ExtensionsApi.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import * as Logger from "../platform/Logger.ts"
import { nativeLines } from "../platform/NativeLines.ts"
import type { Addition } from "./Enrichment.ts"
import { type EncodedPost, MAX_PART_BYTES, PostEncoder } from "./PostEncoder.ts"

/** What is encoded at once, in bytes of records: in a small buffer some of a post is to leave before all of it has come. */
export const maxPartBytes = (maxBufferBytes: number): number => Math.min(MAX_PART_BYTES, maxBufferBytes / 4)

/** Encodes posts in the order in which they came. */
export class RecordEncoder extends Context.Service<RecordEncoder, {
  /** The records of one post, or of its beginning. Never fails: what is no event is counted. */
  readonly encode: (post: Uint8Array) => Effect.Effect<EncodedPost>
  /** What comes next of a post of which bytes are left. */
  readonly more: Effect.Effect<EncodedPost>
  /** Sets the metadata of all later records. */
  readonly identify: (identity: FunctionIdentity) => Effect.Effect<void>
  /** What is added to a record that comes from elsewhere, about a call or about none. */
  readonly additionsUnsafe: (requestId: string | undefined) => ReadonlyArray<Addition>
  /** The `_timestamp` of a record that comes from elsewhere, whose time in µs is given. */
  readonly timestampUnsafe: (micros: number) => number
}>()("o2-lambda-extension/RecordEncoder") {
  static readonly layerNoDeps = Layer.effect(
    RecordEncoder,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const environment = yield* LambdaEnvironment
      const encoder = new PostEncoder({
        types: new Set(config.telemetryTypes),
        hasMetadata: config.hasMetadata,
        preservesOrder: config.preservesOrder,
        maxColumns: config.maxColumns,
        maxPartBytes: maxPartBytes(config.maxBufferBytes),
        region: environment.region,
        logStreamName: environment.logStreamName,
        isManagedInstance: environment.isManagedInstance,
        isProvisioned: environment.isProvisioned,
        isSnapStart: environment.isSnapStart,
        ownLinePrefix: Logger.ownLinePrefix(yield* Logger.Label),
        native: nativeLines
      })
      return RecordEncoder.of({
        encode: (post) => Effect.map(Clock.currentTimeMillis, (now) => encoder.encode(post, now)),
        more: Effect.sync(() => encoder.more()),
        identify: (identity) => Effect.sync(() => encoder.identify(identity)),
        additionsUnsafe: (requestId) => encoder.additionsFor(requestId),
        timestampUnsafe: (micros) => encoder.timestamp(micros)
      })
    })
  )
}
