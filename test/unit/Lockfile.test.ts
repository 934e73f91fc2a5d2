/** `npm ci` refuses a lockfile that does not name every optional package, and `npm install` drops what it cannot fetch. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"

interface Package {
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly resolved?: string
}

describe.each(["package-lock.json", "build/api/typedoc/package-lock.json"])("%s", (path) => {
  const { packages } = JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")) as {
    readonly packages: Readonly<Record<string, Package>>
  }

  it.effect("names every optional package", () =>
    Effect.sync(() => {
      const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter((name) =>
          packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined
        )
      )
      assert.deepStrictEqual(missing, [])
    }))

  it.effect("names no registry", () =>
    Effect.sync(() =>
      assert.deepStrictEqual(Object.values(packages).filter(({ resolved }) => resolved?.startsWith("http")), [])
    ))
})
