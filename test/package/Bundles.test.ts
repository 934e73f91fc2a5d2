/** What programs grow by that bundle the package. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { stop } from "esbuild"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { inject } from "vitest"
import { BUNDLES } from "./support/budgets.ts"
import { bundledKiB } from "./support/bundle.ts"
import { root, specifiers } from "./support/manifest.ts"

/** A budget that is much larger than what it allows for hides what is added. */
const MAX_SLACK = 0.1

const [{ directory } = { directory: "" }] = inject("consumers")

afterAll(stop)

describe("a bundle", () => {
  it.each(BUNDLES)("of `$program` is within $maxKiB KiB", async ({ maxKiB, program }) => {
    const kiB = await bundledKiB(directory, program)
    assert.isAtMost(kiB, maxKiB, "load less, or raise the budget in support/budgets.ts and say why")
    assert.isAtLeast(kiB, Math.floor(maxKiB * (1 - MAX_SLACK)), "lower the budget in support/budgets.ts")
  })

  it("has a budget for every module", () =>
    assert.deepStrictEqual(
      specifiers.filter((specifier) =>
        !BUNDLES.some(({ program }) => program.includes(`* as`) && program.includes(`"${specifier}"`))
      ),
      []
    ))

  it("is in the table of the page", () => {
    const page = readFileSync(join(root, "docs/decisions/0021-package.md"), "utf8").replaceAll(/ +/g, " ")
    assert.deepStrictEqual(
      BUNDLES.filter(({ maxKiB, program }) => !page.includes(`| \`${program}\` | ${maxKiB} |`)),
      []
    )
  })
})
