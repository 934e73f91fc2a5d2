/**
 * `sandbox.localdomain` for the extensions of a machine that does not know the name.
 *
 * They get a mount namespace of their own in which one more line stands in `/etc/hosts`. A process that waits holds it;
 * the extensions enter it by `nsenter`, which becomes them: pid, group, environment and output stay as they are.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** How programs are started so that they know the name. */
export interface SandboxName {
  /** What stands before the program and its arguments; nothing where the name needs no help. */
  readonly prefix: ReadonlyArray<string>
  /** What to do about a name that is not known, for the message about an extension that has failed. */
  readonly hint: string | undefined
  readonly close: () => Promise<void>
}

const hostsFile = "/etc/hosts"
const line = "127.0.0.1 sandbox.localdomain sandbox"

const asItIs: SandboxName = { prefix: [], hint: undefined, close: () => Promise.resolve() }

const unknown: SandboxName = {
  ...asItIs,
  hint: `this machine does not know sandbox.localdomain: add "${line}" to ${hostsFile}` +
    " (in docker: --add-host sandbox.localdomain:127.0.0.1)"
}

// Root may do without a user namespace, in which other users do not exist; elsewhere the user keeps the own id in one.
const ways = [
  { isForRoot: true, unshare: ["-m"], nsenter: ["-m"] },
  {
    isForRoot: false,
    unshare: ["-U", "--map-current-user", "--keep-caps", "-m"],
    nsenter: ["-U", "-m", "--preserve-credentials"]
  }
]

/** Ends when its stdin does, and so with this process, however that ends. */
const holder = `mount --bind "$1" ${hostsFile} && echo ready && exec cat`

// asked of the file: a resolver may take seconds for a name that does not exist, or answer with somebody's address
const isKnown = (hosts: string): boolean =>
  hosts.split("\n").some((line) => line.replace(/#.*/, "").split(/\s+/).slice(1).includes("sandbox.localdomain"))

const readHosts = (): string => {
  try {
    return readFileSync(hostsFile, "utf8")
  } catch {
    return ""
  }
}

const programPath = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

const find = (program: string): string | undefined =>
  programPath.map((directory) => join(directory, program)).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

const hold = async (
  unshare: string,
  flags: ReadonlyArray<string>,
  hosts: string
): Promise<ChildProcess | undefined> => {
  const child = spawn(unshare, [...flags, "/bin/sh", "-c", holder, "sh", hosts], {
    env: { PATH: programPath.join(":") },
    stdio: ["pipe", "pipe", "ignore"]
  })
  const isReady = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false))
    child.once("close", () => resolve(false))
    child.stdout.once("data", () => resolve(true))
  })
  if (isReady) return child
  await end(child)
  return undefined
}

/** What has been found out about this machine: the way that works, or that none does. */
let way: typeof ways[number] | "none" | undefined

const enter = async (unshare: string, nsenter: string, hosts: string): Promise<SandboxName> => {
  const directory = await mkdtemp(join(tmpdir(), "lambda-hosts-"))
  const remove = () => rm(directory, { recursive: true, force: true })
  const file = join(directory, "hosts")
  await writeFile(file, `${hosts.trimEnd()}\n${line}\n`)
  const isRoot = process.getuid?.() === 0
  const candidates = way === undefined
    ? ways.filter(({ isForRoot }) => isRoot || !isForRoot)
    : way === "none"
    ? []
    : [way]
  for (const candidate of candidates) {
    const child = await hold(unshare, candidate.unshare, file)
    if (child === undefined) continue
    way = candidate
    return {
      prefix: [nsenter, "-t", String(child.pid), ...candidate.nsenter],
      hint: undefined,
      close: async () => {
        await end(child)
        await remove()
      }
    }
  }
  way = "none"
  await remove()
  return unknown
}

/** Makes the name known to programs that are started behind the prefix, if it is not and the system lets it. */
export const sandboxName = async (resolve: "auto" | "never"): Promise<SandboxName> => {
  const hosts = readHosts()
  if (isKnown(hosts)) return asItIs
  if (resolve === "never" || process.platform !== "linux" || way === "none") return unknown
  const [unshare, nsenter] = [find("unshare"), find("nsenter")]
  return unshare === undefined || nsenter === undefined ? unknown : enter(unshare, nsenter, hosts)
}
