/** Processors cost nobody anything who has none: the extension's program does not even have them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import * as ProcessorStage from "../../../src/library/ProcessorStage.ts"
import { RecordProcessor } from "../../../src/logs/RecordProcessor.ts"
import * as Processor from "../../../src/processors/Processor.ts"
import { settings } from "../../support/fakes/sinkUnderTest.ts"

const SOURCE = fileURLToPath(new URL("../../../src/", import.meta.url))

/** Files that come with one: those that it imports at once, and with `isLate` those, too, that it imports when it runs. */
const reached = (file: string, isLate: boolean, seen = new Set<string>()): Set<string> => {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(file, "utf8").replaceAll(/^(import|export) type [^;]*? from "[^"]+"$/gm, "")
  for (const [, late, path = ""] of text.matchAll(/(?:\bfrom |\bimport |\bimport(\()\s*)"(\.[^"]+)"/g)) {
    if (isLate || late === undefined) reached(join(dirname(file), path), isLate, seen)
  }
  return seen
}

const filesOf = (isLate: boolean) => [...reached(join(SOURCE, "main.ts"), isLate)].map((file) => relative(SOURCE, file))

describe("without processors", () => {
  it.effect("the extension has nothing of them", () =>
    Effect.sync(() => {
      const all = filesOf(true)
      assert.include(all, "logs/ProcessedRouting.ts")
      assert.deepStrictEqual(all.filter((file) => /^(processors|library)\b|JsonText/.test(file)), [])
    }))

  it.effect("nothing that hands on what they make is loaded", () =>
    Effect.sync(() => {
      const atOnce = filesOf(false)
      assert.include(atOnce, "logs/RecordRouting.ts")
      assert.notInclude(atOnce, "logs/ProcessedRouting.ts")
    }))

  it.effect("there is no stage", () =>
    Effect.gen(function*() {
      for (const none of [undefined, []]) {
        assert.isUndefined(yield* RecordProcessor.pipe(Effect.provide(ProcessorStage.layer(none))))
      }
      const some = ProcessorStage.layer([Processor.redact({ fields: ["password"] })])
      assert.isDefined(yield* RecordProcessor.pipe(Effect.provide(some)))
    }).pipe(Effect.provide(ExtensionConfig.layerEnv(settings))))
})

const refused = (stream: string, env: Readonly<Record<string, string>> = {}) => {
  const layer = ProcessorStage.layer([Processor.when(() => true, Processor.route([stream], () => undefined))])
  const config = ExtensionConfig.layerEnv({ ...settings, ...env })
  return Effect.flip(RecordProcessor.pipe(Effect.provide(layer.pipe(Layer.provide(config)))))
}

describe("a stream of Processor.route that OpenObserve would not take", () => {
  const streams: ReadonlyArray<string> = ["", "streams", "a b\n", "x".repeat(300), "\ud800", "é".repeat(20)]
  for (const stream of streams) {
    it.effect(`is an error at the start: ${JSON.stringify(stream).slice(0, 30)}`, () =>
      Effect.gen(function*() {
        const error = yield* refused(stream)
        assert.strictEqual(error._tag, "ConfigurationError")
        assert.include(error.message, "Processor.route")
      }))
  }

  it.effect("takes the function down only where a wrong setting would", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* refused(""), { reaction: "fail" })
      assert.deepInclude(yield* refused("", { O2_ON_CONFIG_ERROR: "pass-through" }), { reaction: "pass-through" })
    }))
})
