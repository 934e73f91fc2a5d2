/** Programs that have installed the package: compiled as strictly as can be, and run wherever it says that it runs. */
import { assert, describe, it } from "@effect/vitest"
import { inject } from "vitest"
import { engines } from "./support/engines.ts"
import { compile, compilers, resolutions } from "./support/projects.ts"
import { run } from "./support/run.ts"

/** What the program prints. */
interface Output {
  readonly books: unknown
  readonly records: ReadonlyArray<unknown>
}

const ways = Object.keys(resolutions) as ReadonlyArray<keyof typeof resolutions>

describe.each(inject("consumers"))("a program with effect $effect", ({ directory }) => {
  describe.each(Object.keys(compilers))("with %s", (compiler) => {
    it.each(ways)("compiles as %s", (way) => compile(directory, way, compiler))
  })

  it.each(Object.keys(engines))("runs on %s", async (engine) => {
    const binary = await engines[engine]!()
    await run(binary, ["nodenext/everything.js"], { cwd: directory })
    const output = await run(binary, ["nodenext/program.js", "run"], { cwd: directory })
    const { books, records } = JSON.parse(output) as Output
    assert.deepInclude(records[0], { message: "from a program", password: "[REDACTED]" })
    assert.deepInclude(records[1], { message: "from a logger", level: "info" })
    assert.strictEqual(records.length, 2)
    assert.isDefined(books)
  })
})
