/** TypeScript projects that have installed the tarball. */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { unpackedPackage } from "../../../build/npmTarball.ts"
import { root, specifiers } from "./manifest.ts"
import { run } from "./run.ts"

/** The ways in which programs find packages. */
export const resolutions = {
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" }
} as const

/** As strict as a compiler gets, with the declarations of a library. */
const strictest = {
  target: "es2023",
  strict: true,
  declaration: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
  types: ["node"]
}

/** Writes the programs, and one that exports every value of the package again. */
export const writeSources = async (directory: string): Promise<void> => {
  cpSync(join(root, "test", "package", "consumer"), directory, { recursive: true })
  writeFileSync(
    join(directory, "everything.ts"),
    (await Promise.all(specifiers.map((specifier, index) => reexport(directory, specifier, index)))).join("\n")
  )
}

const reexport = async (directory: string, specifier: string, index: number): Promise<string> => {
  const keys = await run(
    process.execPath,
    ["--eval", `import("${specifier}").then((module) => console.log(Object.keys(module).join()))`],
    { cwd: directory }
  )
  return [
    `import * as M${index} from "${specifier}"`,
    ...keys.trim().split(",").map((key) => `export const m${index}${key} = M${index}.${key}`)
  ].join("\n")
}

/** The oldest TypeScript that understands the declarations of `effect`, with nothing left out. */
const OLDEST_TYPESCRIPT = "5.7.3"

/** Compilers, and how to get the path of each. */
export const compilers: Readonly<Record<string, () => Promise<string>>> = {
  "the project's TypeScript": async () => join(root, "node_modules", "typescript", "bin", "tsc"),
  [`TypeScript ${OLDEST_TYPESCRIPT}`]: async () =>
    join(await unpackedPackage("typescript", OLDEST_TYPESCRIPT), "bin", "tsc")
}

/** Compiles all programs into a folder that is named after the way. */
export const compile = async (
  directory: string,
  resolution: keyof typeof resolutions,
  compiler: string
): Promise<void> => {
  writeFileSync(
    join(directory, `tsconfig.${resolution}.json`),
    JSON.stringify({
      compilerOptions: { ...strictest, ...resolutions[resolution], outDir: resolution, rootDir: "." },
      files: ["program.ts", "extension.ts", "everything.ts"]
    })
  )
  const tsc = await compilers[compiler]!()
  await run(process.execPath, [tsc, "-p", `tsconfig.${resolution}.json`, "--pretty", "false"], { cwd: directory })
}

/** Names of the packages that an installation brought, without those that only the compiler needs. */
export const installed = (directory: string): ReadonlyArray<string> => {
  const { packages } = JSON.parse(readFileSync(join(directory, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
  }
  return Object.entries(packages).filter(([path, { dev = false }]) => path !== "" && !dev)
    .map(([path]) => path.replace("node_modules/", ""))
}

/** Bytes of all files in a directory. */
export const bytesIn = (directory: string): number =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
