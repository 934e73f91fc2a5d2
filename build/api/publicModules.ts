/** What programs can import, and the files that it is written in. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** The repository's directory, with a slash at its end. */
export const root = fileURLToPath(new URL("../..", import.meta.url))

const { exports, name } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  readonly name: string
  readonly exports: Readonly<Record<string, { readonly default: string } | string>>
}

/** Path of the source file of every specifier. */
export const publicModules: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === "string"
      ? []
      : [[`${name}${subpath.slice(1)}`, target.default.replace(/^\.\/dist\/lib\/(.*)\.js$/, "src/$1.ts")]]
  )
)
