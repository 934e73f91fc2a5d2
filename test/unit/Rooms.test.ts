/** The rooms of `src/` import what the table in docs/architecture.md says, all of it, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url))
const DOCUMENT = new URL("../../docs/architecture.md", import.meta.url)

/** What each room may import, by name. */
type Table = ReadonlyMap<string, ReadonlyArray<string>>

/** A file of `from` imports a file of `to`: rooms, or files of no room. */
interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Rows of the form `| `room` | … | `room`, `room` | … |`. */
const tableIn = (document: string): Table =>
  new Map(
    [...document.matchAll(/^\| `(\w+)\/` +\|[^|]*\|([^|]*)\|[^|]*\|$/gm)].map(([, room = "", allowed = ""]) => [
      room,
      [...allowed.matchAll(/`(\w+)(?:\/|(\.ts))`/g)].map(([, name = "", extension = ""]) => name + extension)
    ])
  )

const roomOf = (file: string): string => file.split(Path.sep)[0]!

/** Static, type-only, re-exporting and dynamic imports. */
const importsIn = (file: string, text: string): ReadonlyArray<Import> =>
  [...text.matchAll(/(?:\bfrom|\bimport\s*\(|\bimport)\s*"(\.[^"]+)"/g)].map(([, path = ""]) => ({
    file,
    from: roomOf(file),
    to: roomOf(Path.join(Path.dirname(file), path))
  }))

const isRoom = (name: string): boolean => !name.endsWith(".ts")

/** Which files of no room a file of no room may import. */
const COMPOSITION: Readonly<Record<string, ReadonlyArray<string>>> = {
  "main.ts": ["Layers.ts"],
  "Layers.ts": ["SinkLayers.ts"]
}

/** Imports that the table does not allow. */
const forbidden = (table: Table, imports: ReadonlyArray<Import>): ReadonlyArray<string> =>
  imports.filter(({ from, to }) =>
    isRoom(from)
      ? from !== to && !table.get(from)?.includes(to)
      : !isRoom(to) && COMPOSITION[from]?.includes(to) !== true
  ).map(({ file, to }) => `${file} imports ${to}`)

/** Permissions that nobody uses: the table would not say what is. */
const unused = (table: Table, imports: ReadonlyArray<Import>): ReadonlyArray<string> =>
  [...table].flatMap(([room, allowed]) =>
    allowed.filter((name) => !imports.some(({ from, to }) => from === room && to === name)).map((name) =>
      `${room} may import ${name}`
    )
  )

/** Rooms from which a way leads back to them. */
const circles = (table: Table): ReadonlyArray<string> => {
  const reached = (room: string, seen: Set<string>): Set<string> => {
    for (const next of table.get(room) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      reached(next, seen)
    }
    return seen
  }
  return [...table.keys()].filter((room) => reached(room, new Set()).has(room))
}

const files = Fs.readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
const imports = files.flatMap((file) => importsIn(file, Fs.readFileSync(Path.join(SOURCE, file), "utf8")))
const table = tableIn(Fs.readFileSync(DOCUMENT, "utf8"))

describe("the rooms of src", () => {
  it.effect("have a row each, and every row a room", () =>
    Effect.sync(() => {
      assert.deepStrictEqual([...table.keys()].sort(), [...new Set(files.map(roomOf).filter(isRoom))].sort())
    }))

  it.effect("import what their rows allow", () =>
    Effect.sync(() => assert.deepStrictEqual(forbidden(table, imports), [])))

  it.effect("are allowed nothing that they do not need", () =>
    Effect.sync(() => assert.deepStrictEqual(unused(table, imports), [])))

  it.effect("make no circle", () => Effect.sync(() => assert.deepStrictEqual(circles(table), [])))

  it.effect("are read in full: a check that sees nothing would find nothing", () =>
    Effect.sync(() => {
      assert.isAbove(files.length, 100)
      assert.isAbove(imports.filter(({ from, to }) => isRoom(from) && from !== to).length, 100)
    }))
})

describe("the check of the rooms", () => {
  const rows = "| `a/` | x | `b/`, `c/` | y |\n| `b/` | x | - | y |\n| `c/` | x | `b/` | y |\n"
  const importing = (text: string, file = "b/File.ts") => forbidden(tableIn(rows), importsIn(file, text))

  it.effect("reads the table", () =>
    Effect.sync(() => assert.deepStrictEqual([...tableIn(rows)], [["a", ["b", "c"]], ["b", []], ["c", ["b"]]])))

  const refused: ReadonlyArray<string> = [
    "import { x } from \"../a/X.ts\"",
    "import type { X } from \"../a/X.ts\"",
    "import {\n  x\n} from \"../a/X.ts\"",
    "export { x } from \"../a/X.ts\"",
    "import \"../a/X.ts\"",
    "const x = import(\"../a/X.ts\")"
  ]
  for (const text of refused) {
    it.effect(`refuses ${JSON.stringify(text)}`, () =>
      Effect.sync(() => assert.deepStrictEqual(importing(text), ["b/File.ts imports a"])))
  }

  it.effect("refuses what imports the composition, and a composition that imports the process", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(importing("import { x } from \"../Layers.ts\""), ["b/File.ts imports Layers.ts"])
      assert.deepStrictEqual(importing("import { x } from \"./main.ts\"", "Layers.ts"), ["Layers.ts imports main.ts"])
      assert.deepStrictEqual(importing("import { x } from \"./Layers.ts\"", "main.ts"), [])
    }))

  it.effect("lets the room itself, packages and what is allowed pass", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(importing("import * as E from \"effect/Effect\"\nimport { x } from \"./X.ts\""), [])
      assert.deepStrictEqual(importing("import { x } from \"../../b/X.ts\"", "c/nested/File.ts"), [])
    }))

  it.effect("finds a permission that nobody uses, and a circle", () =>
    Effect.sync(() => {
      const one = importsIn("a/File.ts", "import { x } from \"../b/X.ts\"")
      assert.deepStrictEqual(unused(tableIn(rows), one), ["a may import c", "c may import b"])
      assert.deepStrictEqual(circles(tableIn(rows)), [])
      assert.deepStrictEqual(circles(tableIn(rows.replace("| - |", "| `c/` |"))), ["b", "c"])
    }))
})
