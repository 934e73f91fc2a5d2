/** Runs that a page has to stand: hostile, long, empty. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { renderTimeline } from "../../src/testing/timeline/renderTimeline.ts"
import type { TimelineRun } from "../../src/testing/timeline/Run.ts"
import { hostileLines, hostileRun, manyCalls, runOf } from "../support/timelineRuns.ts"
import { launch, type Look, open, screenshot, violations } from "./browser.ts"

let browser: Browser
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "page-test-"))
  browser = await launch()
})

afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true, force: true })
})

const openRun = (run: TimelineRun, look: Look = {}) => {
  const file = join(directory, "run.html")
  writeFileSync(file, renderTimeline(run))
  return open(browser, file, look)
}

const text = (page: Page, selector: string) => page.locator(selector).innerText()

describe("a page", () => {
  it("does nothing that a line wants it to", async () => {
    await using opened = await openRun(hostileRun(), { hash: "#request=%E0%A4%A" })
    const { incidents, page } = opened
    for (const summary of await page.locator("summary:visible").all()) await summary.click()
    await page.locator("#picture .mark").first().click({ force: true })
    await page.locator("#request").fill("<img src=x onerror=alert(1)>")
    await page.locator("#clear").click()
    await screenshot(page, "hostile")
    assert.strictEqual(await page.evaluate("typeof hostile"), "undefined")
    assert.strictEqual(
      await page.locator("img, iframe, object, embed, link, base, script[src], [onload], [onerror]").count(),
      0
    )
    assert.strictEqual(await page.title(), hostileLines[0])
    assert.include(await text(page, "#entries-rows"), hostileLines[0]!)
    assert.deepStrictEqual(incidents, [])
  })

  it("lets nothing out", async () => {
    await using opened = await openRun(hostileRun())
    const { page } = opened
    const outcome = await page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert.strictEqual(outcome, "refused")
    assert.isTrue(
      opened.incidents.some((incident) => incident.includes("Content Security Policy")),
      opened.incidents.join()
    )
  })

  it("draws ten thousand things together where they are close, and apart where one looks closely", async () => {
    await using opened = await openRun(manyCalls(1200))
    const { incidents, page } = opened
    assert.match(await text(page, "#count"), /^1\d,\d\d\d entries and 1,200 records$/)
    assert.isBelow(await page.locator("#picture .mark").count(), 2000)
    assert.match(await text(page, "#range"), /\d,\d\d\d entries too close to draw apart$/)
    await screenshot(page, "many")
    await page.locator("#next-call").click()
    await page.locator("#zoom-call").click()
    await page.locator("#picture").focus()
    assert.notInclude(await text(page, "#range"), "too close")
    await screenshot(page, "many-zoomed")
    await page.locator("#clear").click()
    await page.locator("#folds").uncheck()
    await page.locator("#zoom-all").click()
    assert.strictEqual(await page.locator("#picture .fold").count(), 0)
    await page.locator("#entries-pager").getByText("Next").click()
    assert.match(await text(page, "#entries-pager"), /101–200 of 1\d,\d\d\d/)
    assert.strictEqual(await text(page, "#entries-pager :focus"), "Next")
    await page.locator("#lane").selectOption({ label: "OpenObserve" })
    assert.match(await text(page, "#entries-pager"), /1–100 of 1,200/)
    assert.deepStrictEqual(await violations(page), [])
    assert.deepStrictEqual(incidents, [])
  })

  it("says so when nothing happened", async () => {
    await using opened = await openRun(runOf({}))
    const { incidents, page } = opened
    assert.strictEqual(await text(page, "#count"), "0 entries and 0 records")
    assert.deepStrictEqual(await violations(page), [])
    assert.deepStrictEqual(incidents, [])
  })
})
