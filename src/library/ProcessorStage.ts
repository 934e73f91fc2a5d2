/** Processors as the stage of the pipeline, once their streams have been looked at. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import { streamName } from "../config/SettingReaders.ts"
import { RecordProcessor } from "../logs/RecordProcessor.ts"
import { routeName } from "../openobserve/LogsDestination.ts"
import type { Processor } from "../processors/Processor.ts"
import * as Stage from "../processors/Stage.ts"

/** Longest name of a destination, which spill files have in them. */
const MAX_DESTINATION_LENGTH = 64

/** The stage of these processors; none without any. */
export const layer = (
  processors: ReadonlyArray<Processor> = []
): Layer.Layer<never, ConfigurationError, ExtensionConfig> =>
  processors.length === 0 ? Layer.empty : Layer.effect(
    RecordProcessor,
    Effect.gen(function*() {
      const { onConfigError } = yield* ExtensionConfig
      const stage = Stage.make(processors)
      const problems = stage.streams.flatMap((stream) => {
        const read = streamName(stream)
        if (Result.isFailure(read)) return [`the stream ${JSON.stringify(stream)} of Processor.route ${read.failure}`]
        return stream === "" || routeName(stream).length > MAX_DESTINATION_LENGTH
          ? [`the stream ${JSON.stringify(stream)} of Processor.route is empty or too long: take a shorter name`]
          : []
      })
      return problems.length === 0 ? stage : yield* new ConfigurationError({ problems, reaction: onConfigError })
    })
  )
