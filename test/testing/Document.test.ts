/** docs/testing.md shows a test that runs, and every option there is. */
import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const textOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")
const page = textOf("docs/testing.md")

it("docs/testing.md shows the example as it is", () => {
  assert.include(page, textOf("examples/python-extension/python-extension.test.ts").trimEnd())
})

it("docs/testing.md names every option and every operation", () => {
  const members = (file: string, name: string) => {
    const declaration = textOf(file).split(`export interface ${name} {\n`)[1]?.split("\n}\n")[0] ?? ""
    return [...declaration.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = ""]) => member)
  }
  const options = members("src/testing/lambda/Options.ts", "LambdaEmulatorOptions")
  const operations = members("src/testing/lambda/EmulatorOperations.ts", "EmulatorOperations")
    .filter((name) => name !== "runtimeApi")
  assert.isAtLeast(options.length, 20)
  assert.isAtLeast(operations.length, 15)
  for (const name of [...options, ...operations]) assert.match(page, new RegExp(`\`${name}\\b`), name)
})
