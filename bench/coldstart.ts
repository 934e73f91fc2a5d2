/**
 * Spawn → register → subscribe → first `next`, and memory when idle, of both flavours of the layer; of the nodejs flavour against
 * a floor: the same launcher with a raw script that only listens, subscribes and polls. Prints one JSON line.
 *
 *     npm run layer && node bench/coldstart.ts [runs]
 *
 * Lambda's sh is bash, so the launcher runs under bash here, whatever /bin/sh is.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { arch, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeControlPlane, type Marks } from "./ControlPlane.ts"
import { isNative } from "../test/support/isNative.ts"
import { median, rounded } from "./statistics.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const RUNS = Number(process.argv[2] ?? 15)

/** Long enough for what is loaded after `next` to have been loaded. */
const IDLE_MS = 400

const workplace = mkdtempSync(join(tmpdir(), "coldstart-"))

/** Unpacks a zip of the layer, its launcher, if it is one, made a bash script; answers the extension's path. */
const unpack = (name: string, zip: string): string => {
  const target = join(workplace, name)
  mkdirSync(target)
  execFileSync("unzip", ["-q", join(root, "dist", zip), "-d", target])
  const launcher = join(target, "extensions/o2-lambda-extension")
  if (!isNative(launcher)) {
    writeFileSync(launcher, readFileSync(launcher, "utf8").replace("#!/bin/sh", "#!/bin/bash"))
    chmodSync(launcher, 0o755)
  }
  return launcher
}

const floorScript = join(root, "bench/floor/poll.cjs")
const zips = {
  nodejs: "o2-lambda-extension-nodejs.zip",
  standalone: `o2-lambda-extension-${arch() === "arm64" ? "arm64" : "x86_64"}.zip`
}

const variants: Record<string, string> = {
  nodejs: unpack("nodejs", zips.nodejs),
  nodejsFloor: unpack("nodejs-floor", zips.nodejs),
  standalone: unpack("standalone", zips.standalone),
  bashFloor: join(root, "bench/floor/register.sh")
}
copyFileSync(floorScript, join(workplace, "nodejs-floor/o2-lambda-extension/main.cjs"))

interface Run extends Marks {
  readonly residentMegabytes: number
  readonly anonymousMegabytes: number
}

const run = async (launcher: string): Promise<Run> => {
  const plane = await makeControlPlane()
  plane.start()
  const child = spawn(launcher, [], {
    stdio: "ignore",
    env: {
      PATH: process.env["PATH"],
      AWS_LAMBDA_RUNTIME_API: plane.api,
      AWS_REGION: "eu-west-1",
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: "Basic eDp5"
    }
  })
  const exited = once(child, "exit")
  let status = ""
  if (launcher.endsWith(".sh")) await exited
  else {
    await plane.atNext(1)
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    status = readFileSync(`/proc/${child.pid}/status`, "utf8")
    child.kill("SIGKILL")
    await exited
  }
  plane.close()
  const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) / 1024
  return { ...plane.marks, residentMegabytes: megabytes("VmRSS"), anonymousMegabytes: megabytes("RssAnon") }
}

const runs = new Map<string, Array<Run>>(Object.keys(variants).map((name) => [name, []]))
// in turn, so that a machine that gets slower is slower for all
for (let index = 0; index <= RUNS; index++) {
  for (const [name, launcher] of Object.entries(variants)) {
    const result = await run(launcher)
    if (index > 0) runs.get(name)!.push(result)
  }
}
rmSync(workplace, { recursive: true })

const figure = (name: string, key: keyof Run) => rounded(median(runs.get(name)!.map((run) => run[key] ?? NaN)))
const figures = Object.fromEntries(
  Object.keys(variants).map((name) => [name, {
    registerMs: figure(name, "register"),
    subscribeMs: figure(name, "subscribe"),
    nextMs: figure(name, "next"),
    residentMegabytes: figure(name, "residentMegabytes"),
    anonymousMegabytes: figure(name, "anonymousMegabytes")
  }])
)
/** Where the time until the first `next` goes, in ms: what anybody would need as well, and what this extension adds. */
const parts = (name: string, floor: string) => ({
  launcher: figure(floor, "register"),
  engine: rounded(figure(floor, "next") - figure(floor, "register")),
  ours: rounded(figure(name, "next") - figure(floor, "next"))
})
const ratio = (a: string, b: string, key: keyof Run) => rounded(figure(a, key) / figure(b, key))
console.log(JSON.stringify({
  bench: "coldstart",
  runs: RUNS,
  medians: figures,
  parts: {
    nodejs: parts("nodejs", "nodejsFloor")
  },
  ratios: {
    registerToBash: ratio("nodejs", "bashFloor", "register"),
    nodejsNextToFloor: ratio("nodejs", "nodejsFloor", "next"),
    standaloneNextToNodejs: ratio("standalone", "nodejs", "next")
  }
}))
