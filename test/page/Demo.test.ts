/** The page of a real run, in a real browser: `npm run demo -- --html`, opened from the file. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Browser, Page } from "playwright-core"
import { launch, open, screenshot, violations } from "./browser.ts"

const demo = fileURLToPath(new URL("../../demo/demo.ts", import.meta.url))

let browser: Browser
let directory: string
let file: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "page-test-"))
  file = join(directory, "run.html")
  await promisify(execFile)(process.execPath, [demo, "--html", file], { env: { PATH: process.env["PATH"] } })
  browser = await launch()
})

afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true, force: true })
})

const count = (page: Page, selector: string) => page.locator(selector).count()
const text = (page: Page, selector: string) => page.locator(selector).innerText()
const focused = (page: Page) => page.evaluate("document.activeElement.id") as Promise<string>

describe("the page of a run of the demo", () => {
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [1440, 400]) {
      it(`is accessible and quiet: ${scheme}, ${width} px`, async () => {
        await using opened = await open(browser, file, { scheme, width })
        const { incidents, page } = opened
        await screenshot(page, `demo-${scheme}-${width}`)
        assert.deepStrictEqual(await violations(page), [])
        await page.locator("#entries-rows summary").first().click()
        await page.locator("#common summary").click()
        await page.locator(".mark.k-invoke").first().click({ force: true })
        await screenshot(page, `filtered-${scheme}-${width}`)
        assert.deepStrictEqual(await violations(page), [])
        assert.deepStrictEqual(incidents, [])
        assert.isAtMost(await page.evaluate("document.documentElement.scrollWidth") as number, width)
      })
    }
  }

  it("draws every kind of thing", async () => {
    await using opened = await open(browser, file)
    const { page } = opened
    for (
      const kind of [
        "init",
        "invoke",
        "shutdown",
        "frozen",
        "runs",
        "works",
        "waits",
        "flush",
        "request",
        "post",
        "call",
        "line"
      ]
    ) {
      assert.isAbove(await count(page, `#picture .k-${kind}`), 0, kind)
    }
    assert.strictEqual(await count(page, "#calls-rows tr"), 12)
    assert.include(await text(page, "#ledgers"), "✔ adds up")
    assert.include(await text(page, "#records-rows"), "#01 Hello from a Lambda function")
    assert.match(await text(page, "#count"), /^\d+ entries and 61 records$/)
  })

  it("is used by keyboard alone", async () => {
    await using opened = await open(browser, file)
    const { page } = opened
    const id = await text(page, "#calls-rows tr:nth-child(3) button")
    await page.keyboard.press("Tab")
    assert.strictEqual(await text(page, ":focus"), "Skip to the run")
    await page.keyboard.press("Tab")
    assert.strictEqual(await focused(page), "request")
    await page.keyboard.type(id)
    assert.match(await text(page, "#count"), /^\d+ entries and \d+ records of call #3$/)
    assert.strictEqual(await count(page, "#calls-rows tr"), 1)
    assert.strictEqual(await page.evaluate("location.hash"), `#request=${id}`)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert.strictEqual(await focused(page), "clear")
    await page.keyboard.press("Enter")
    assert.strictEqual(await focused(page), "request")
    assert.strictEqual(await page.evaluate("location.hash"), "")
    assert.strictEqual(await count(page, "#calls-rows tr"), 12)

    for (let tabs = 0; await focused(page) !== "picture" && tabs < 20; tabs++) await page.keyboard.press("Tab")
    assert.strictEqual(await focused(page), "picture")
    assert.notStrictEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
    const all = await text(page, "#range")
    assert.match(all, /^All of it: \+0\.0000 s to /)
    const ranges = [all]
    for (const key of ["+", "+", "ArrowRight", "-", "ArrowLeft"]) {
      await page.keyboard.press(key)
      ranges.push(await text(page, "#range"))
    }
    assert.strictEqual(new Set(ranges).size, ranges.length, ranges.join("\n"))
    await page.keyboard.press("0")
    assert.strictEqual(await text(page, "#range"), all)
    for (const call of [1, 2]) {
      await page.keyboard.press("n")
      assert.include(await text(page, "#count"), `of call #${call}`)
    }
    await page.keyboard.press("p")
    assert.include(await text(page, "#count"), "of call #1")
    await page.keyboard.press("z")
    assert.match(await text(page, "#range"), /^In view: /)
  })

  it("filters by a click on a call, and by its address", async () => {
    await using opened = await open(browser, file)
    const { page } = opened
    await page.locator("#picture .k-invoke").first().click()
    const hash = await page.evaluate("location.hash") as string
    assert.match(hash, /^#request=[0-9a-f-]{36}$/)
    const told = await text(page, "#count")
    await using again = await open(browser, file, { hash })
    assert.strictEqual(await text(again.page, "#count"), told)
    assert.strictEqual(await again.page.locator("#request").inputValue(), hash.slice("#request=".length))
    await page.locator("#calls-rows button").click()
    assert.strictEqual(await page.locator("#request").inputValue(), "")
    await page.locator("#request").fill("nothing")
    assert.strictEqual(await text(page, "#count"), "No call has an id with “nothing” in it")
  })
})
