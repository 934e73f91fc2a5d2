import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeFs from "node:fs"
import { fileURLToPath } from "node:url"
import { descriptions } from "../../../src/config/SettingDescriptions.ts"
import { type Setting, settings } from "../../../src/config/Settings.ts"

const DOCUMENT = new URL("../../../docs/configuration.md", import.meta.url)

const keys = Object.keys(settings) as ReadonlyArray<keyof typeof settings>

/** A setting as a row of the table: variable, meaning, what is accepted, default. */
const rowOf = ({ accepts, fallback, name }: Setting<unknown>, description: string): ReadonlyArray<string> => [
  `\`${name}\``,
  description,
  accepts,
  fallback === undefined ? "required" : `\`${fallback}\``
]

const readTable = Effect.map(
  Effect.sync(() => NodeFs.readFileSync(DOCUMENT, "utf8")),
  (text) =>
    text.split("\n")
      .filter((line) => line.startsWith("| `O2_"))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
)

describe("docs/configuration.md", () => {
  for (const [index, key] of keys.entries()) {
    it.effect(`describes ${settings[key].name} as the code does`, () =>
      Effect.gen(function*() {
        const table = yield* readTable
        assert.deepEqual(table[index], [...rowOf(settings[key], descriptions[key])])
      }))
  }

  it.effect("describes nothing else", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* readTable).length, keys.length)
    }))
})

describe("what src says to operators", () => {
  const source = fileURLToPath(new URL("../../../src/", import.meta.url))
  const names = new Set<string>(Object.values(settings).map(({ name }) => name))

  it.effect("names no variable that is no setting", () =>
    Effect.sync(() => {
      const files = NodeFs.readdirSync(source, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts") && !file.startsWith("testing"))
      const named = files.flatMap((file) =>
        NodeFs.readFileSync(`${source}${file}`, "utf8").match(/\bO2_(?!LAMBDA_)[A-Z][A-Z_]*[A-Z]\b/g) ?? []
      )
      assert.isAbove(named.length, 30)
      assert.deepStrictEqual(named.filter((name) => !names.has(name)), [])
    }))
})
