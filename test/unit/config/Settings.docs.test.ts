import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeFs from "node:fs/promises"
import { type Setting, settings } from "../../../src/config/Settings.ts"

const DOCUMENT = new URL("../../../docs/configuration.md", import.meta.url)

const rows: ReadonlyArray<Setting<unknown>> = Object.values(settings)

/** A setting as a row of the table: variable, meaning, what is accepted, default. */
const rowOf = ({ accepts, description, fallback, name }: Setting<unknown>): ReadonlyArray<string> => [
  `\`${name}\``,
  description,
  accepts,
  fallback === undefined ? "required" : `\`${fallback}\``
]

const readTable = Effect.map(
  Effect.promise(() => NodeFs.readFile(DOCUMENT, "utf8")),
  (text) =>
    text.split("\n")
      .filter((line) => line.startsWith("| `O2_"))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
)

describe("docs/configuration.md", () => {
  for (const [index, setting] of rows.entries()) {
    it.effect(`describes ${setting.name} as the code does`, () =>
      Effect.gen(function*() {
        const table = yield* readTable
        assert.deepEqual(table[index], [...rowOf(setting)])
      }))
  }

  it.effect("describes nothing else", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* readTable).length, rows.length)
    }))
})
