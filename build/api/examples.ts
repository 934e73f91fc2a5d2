/**
 * Compiles every example: the ```ts fences of README and docs, and those in the comments of files that declare something
 * public. Each keeps its line numbers, so that the compiler's messages lead to the source. (Fences that say ```typescript are
 * programs with packages that are not installed here.)
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { publicExports } from "./exports.ts"
import { publicModules, root } from "./publicModules.ts"

const directory = join(root, "dist", "examples")

interface Example {
  readonly file: string
  readonly line: number
  readonly code: string
}

/** Fences of a text whose lines begin as the pattern says. */
const fencesOf = (file: string, prefix: RegExp): ReadonlyArray<Example> => {
  const lines = readFileSync(join(root, file), "utf8").split("\n").map((line) => line.replace(prefix, ""))
  return lines.flatMap((line, index) => {
    if (line.trim() !== "```ts") return []
    const end = lines.findIndex((other, at) => at > index && other.trim() === "```")
    if (end < 0) throw new Error(`${file}:${index + 1}: the fence has no end`)
    return [{ file, line: index + 1, code: lines.slice(index + 1, end).join("\n") }]
  })
}

const sources = new Set([...Object.values(publicModules), ...publicExports().map(({ file }) => file)])
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
]
const examples = [
  ...[...sources].flatMap((file) => fencesOf(file, /^\s*\* ?/)),
  ...pages.flatMap((file) => fencesOf(file, /^/))
]

rmSync(directory, { recursive: true, force: true })
for (const { code, file, line } of examples) {
  const path = join(directory, `${file}.${line}.ts`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, "\n".repeat(line) + code)
}
writeFileSync(
  join(directory, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: {
      // what an example names is there to be seen
      noUnusedLocals: false,
      noUnusedParameters: false,
      paths: Object.fromEntries(Object.entries(publicModules).map(([name, path]) => [name, [`../../${path}`]]))
    },
    include: ["."],
    exclude: []
  })
)
const { status, stdout } = spawnSync(
  join(root, "node_modules", ".bin", "tsc"),
  ["-p", directory, "--pretty", "false"],
  { cwd: root, encoding: "utf8" }
)
console.error(stdout.replaceAll(/^dist\/examples\/(.*)\.\d+\.ts\((\d+),\d+\)/gm, "$1:$2").trim())
console.log(`${examples.length} examples${status === 0 ? " compile" : ""}`)
process.exitCode = status ?? 1
