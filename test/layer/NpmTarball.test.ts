/** The packages that a build fetches are those that package-lock.json means. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { locked, unpackedPackage } from "../../build/npmTarball.ts"

// a small package; the engines are fetched in the same way
const NAME = "fastest-levenshtein"

const failureOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(() => "no failure", (error: unknown) => String(error))

describe("npmTarball", () => {
  it("refuses a tarball with another hash, and leaves nothing behind", async () => {
    const { integrity, version } = await locked(NAME)
    const cached = fileURLToPath(new URL(`../../dist/cache/${NAME}-${version}`, import.meta.url))
    rmSync(cached, { recursive: true, force: true })
    const message = await failureOf(unpackedPackage(NAME, version, integrity.replace(/-.{4}/, "-AAAA")))
    assert.include(message, "is not what package-lock.json says")
    assert.isFalse(existsSync(cached))
    const directory = await unpackedPackage(NAME, version, integrity)
    assert.isTrue(existsSync(`${directory}/package.json`))
  })

  it("refuses a package that package-lock.json does not know", async () => {
    assert.include(await failureOf(locked("left-pad")), "no integrity for left-pad")
  })
})
