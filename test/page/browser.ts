/** A browser, and pages in it that have come from a file and want nothing from anywhere. */
import Axe from "axe-core"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type Browser, chromium, type Page } from "playwright-core"

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium"

/** Where screenshots go, to be looked at. */
const SCREENSHOTS = fileURLToPath(new URL("../../dist/page/", import.meta.url))

/** How a page is looked at. */
export interface Look {
  readonly scheme?: "light" | "dark"
  readonly width?: number
  /** What follows `#`, itself included. */
  readonly hash?: string
}

/** A page, and what it has complained of or asked for. */
interface Opened extends AsyncDisposable {
  readonly page: Page
  /** Messages of the console, errors, dialogs, and requests for anything but the file. */
  readonly incidents: ReadonlyArray<string>
}

/** Starts the browser; as root, which CI is, it has no sandbox of its own. */
export const launch = (): Promise<Browser> => {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: .ci/setup installs it`)
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
}

/** Opens a file. */
export const open = async (
  browser: Browser,
  file: string,
  { hash = "", scheme = "light", width = 1440 }: Look = {}
) => {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    reducedMotion: "reduce"
  })
  const page = await context.newPage()
  const incidents: Array<string> = []
  page.on("console", (message) => incidents.push(`${message.type()}: ${message.text()}`))
  page.on("pageerror", (error) => incidents.push(String(error)))
  page.on("request", (request) => {
    if (!request.url().startsWith(pathToFileURL(file).href)) incidents.push(`request: ${request.url()}`)
  })
  page.on("dialog", (dialog) => {
    incidents.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.goto(`${pathToFileURL(file).href}${hash}`)
  const opened: Opened = { page, incidents, [Symbol.asyncDispose]: () => context.close() }
  return opened
}

/** What axe finds wrong, one line each. */
export const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  // evaluated from outside, since the page lets no other script in
  await page.evaluate(Axe.source)
  const found = await page.evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ failureSummary, html }) => id + ": " + html + " " + failureSummary)))`)
  return found as ReadonlyArray<string>
}

/** Writes `dist/page/<name>.png`. */
export const screenshot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.evaluate("scrollTo(0, 0)")
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}
