/**
 * Keeps batches over a reset of the sandbox, which ends this process but leaves `/tmp`: what is unsettled is written to
 * files, and the next process in the same sandbox, the next generation, reads them back.
 *
 * Once written, a record is in a file until it is settled, or until newer ones need the room. What an earlier generation
 * has sent is sent again only when
 *
 * - it ended between the answer and the deletion of the file, or the file could not be deleted;
 * - it ended after the parts of a divided batch were written and before the file of the whole was deleted: then the
 *   parts' records are in two files;
 * - what is left of a batch could not be written beside the file of the whole, for lack of room or time.
 *
 * Lambda runs one generation at a time. Sandboxes on one machine must not share a temporary directory.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Destinations } from "../delivery/Destination.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import type { SpillableMemory, Spilled, SpillStore } from "./SpillStore.ts"

/** Batches on the disk. Nothing here fails, and one thing is done at a time. */
export class Spill extends Context.Service<Spill, {
  /**
   * Brings what is unsettled to the disk, the newest first, and deletes what is settled. Begins no file after the given
   * time. What was written is still in memory: forgetting it is for the caller.
   */
  readonly write: (memory: SpillableMemory, atMost: Duration.Duration) => Effect.Effect<Spilled>
  /**
   * Deletes the files of what is settled, and restores what earlier generations have left, the oldest first, while there
   * is room for it. Does not touch the disk once nothing is left there.
   */
  readonly catchUp: (memory: SpillableMemory) => Effect.Effect<void>
  /** Whether nothing is left to catch up with. */
  readonly isIdle: Effect.Effect<boolean>
}>()("o2-lambda-extension/Spill") {
  static readonly layerNoDeps = Layer.effect(
    Spill,
    Effect.gen(function*() {
      const directory = `${(yield* LambdaEnvironment).temporaryDirectory}/o2-lambda-extension`
      const ledger = yield* Ledger
      const destinations = yield* Destinations
      // most starts find nothing and leave nothing
      let loading: Promise<SpillStore> | undefined
      const store = Effect.promise(() =>
        loading ??= import("./SpillStore.ts").then(({ make }) => make(directory, ledger, destinations))
      )
      let checked: boolean | undefined
      const isThere = Effect.callback<boolean>((resume) => {
        if (checked !== undefined) return resume(Effect.succeed(checked))
        // `node:fs/promises` would load much that most starts have no use for
        process.getBuiltinModule("node:fs").lstat(
          directory,
          (error) => resume(Effect.succeed(checked = error === null))
        )
      })
      return Spill.of({
        write: Effect.fnUntraced(function*(memory, atMost) {
          const isIdle = loading === undefined && (yield* memory.unsettled).length === 0
          return isIdle ? { onDisk: [], notOnDisk: [] } : yield* (yield* store).write(memory, atMost)
        }),
        catchUp: Effect.fnUntraced(function*(memory) {
          if (loading !== undefined || (yield* isThere)) yield* (yield* store).catchUp(memory)
        }),
        isIdle: Effect.suspend(() =>
          loading === undefined ? Effect.succeed(true) : Effect.map(store, (store) => store.isIdle())
        )
      })
    })
  )
}
