/** The extension as Lambda finds it: built when need be, and unpacked into a directory of its own. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { cp, mkdtemp, readdir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { DemoError } from "./DemoError.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const built = join(root, "dist", "layer")

/** What the bundle is made of. */
const sources = ["src", "layer", "build", "package.json", "package-lock.json"]

/** What the build writes last: there only when nothing has cut it short. */
const lastWritten = join(built, "extensions", "o2-lambda-extension")

/** Part of `src`, but not of the bundle. */
const testKit = join(root, "src", "testing")

const changedAt = async (path: string): Promise<number> => {
  const status = await stat(path).catch(() => undefined)
  if (status === undefined) return 0
  if (!status.isDirectory()) return status.mtimeMs
  const children = (await readdir(path)).map((name) => join(path, name)).filter((child) => child !== testKit)
  // a directory changes when a file in it comes or goes
  return Math.max(status.mtimeMs, ...await Promise.all(children.map(changedAt)))
}

/** Whether `dist/layer` is as new as what it is made of; then it is left alone, since somebody may be using it. */
export const isBuilt: Effect.Effect<boolean> = Effect.promise(async () => {
  const newest = await Promise.all(sources.map((name) => changedAt(join(root, name))))
  return await changedAt(lastWritten) > Math.max(...newest)
})

/** Builds `dist/layer`. */
export const build: Effect.Effect<void, DemoError> = Effect.callback((resume) => {
  const child = spawn(process.execPath, [join(root, "build", "bundle.ts")], { stdio: ["ignore", "ignore", "pipe"] })
  let complaint = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text
  })
  const fail = (detail: string) =>
    resume(Effect.fail(new DemoError({ problem: `the extension could not be built:\n${detail.trim()}` })))
  child.once("error", (error) => fail(error.message))
  child.once("close", (code) => code === 0 ? resume(Effect.void) : fail(complaint))
  return Effect.sync(() => void child.kill())
})

/** Unpacks the layer as Lambda does under /opt; the directory goes with the scope. */
export const unpack = Effect.gen(function*() {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "o2-demo-"))),
    (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
  )
  const opt = join(directory, "opt")
  yield* Effect.tryPromise({
    try: () => cp(built, opt, { recursive: true }),
    catch: (error) => new DemoError({ problem: `dist/layer could not be copied: ${String(error)}` })
  })
  return opt
})
