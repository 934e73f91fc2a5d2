/**
 * What the extensions see that the machine does not have: the name `sandbox.localdomain`, and their own `/opt`.
 *
 * They get a mount namespace in which a file with one more line lies over `/etc/hosts`, and a directory over `/opt`. A
 * process that waits holds it; the extensions enter it by `nsenter`, which becomes them: pid, group, environment and
 * output stay as they are.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative, resolve } from "node:path"

/** How extensions are started so that they see it. */
export interface ExtensionMounts {
  /** What stands before the program and its arguments; nothing where nothing is mounted. */
  readonly prefix: ReadonlyArray<string>
  /** Where an extension finds one of the machine's files. */
  readonly pathOf: (file: string) => string
  /** What to do about a name that is not known, for the message about an extension that has failed. */
  readonly hint: string | undefined
  readonly close: () => Promise<void>
}

/** What is to be seen. */
export interface ExtensionMountsOptions {
  readonly resolveSandboxHost: "auto" | "never"
  readonly optDirectory: string | undefined
}

/** What lies over what. */
interface Mount {
  readonly from: string
  readonly over: string
}

const hostsFile = "/etc/hosts"
const line = "127.0.0.1 sandbox.localdomain sandbox"

const hint = `this machine does not know sandbox.localdomain: add "${line}" to ${hostsFile}` +
  " (in docker: --add-host sandbox.localdomain:127.0.0.1)"

const nothing: ExtensionMounts = {
  prefix: [],
  pathOf: (file) => file,
  hint: undefined,
  close: () => Promise.resolve()
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
const holder = "while [ $# -gt 0 ]; do mount --bind \"$1\" \"$2\" || exit 1; shift 2; done; echo ready; exec cat"

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

const programPath = () => [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

const find = (program: string): string | undefined =>
  programPath().map((directory) => join(directory, program)).find((file) => {
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
  mounts: ReadonlyArray<Mount>
): Promise<ChildProcess | undefined> => {
  const places = mounts.flatMap(({ from, over }) => [from, over])
  const child = spawn(unshare, [...flags, "/bin/sh", "-c", holder, "sh", ...places], {
    env: { PATH: programPath().join(":") },
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

/** What has been found out about this machine: no way has worked, and none will. */
let isImpossible = false

const enter = async (mounts: ReadonlyArray<Mount>): Promise<ExtensionMounts | undefined> => {
  if (isImpossible || process.platform !== "linux") return undefined
  const [unshare, nsenter] = [find("unshare"), find("nsenter")]
  if (unshare === undefined || nsenter === undefined) return undefined
  const isRoot = process.getuid?.() === 0
  for (const way of ways.filter(({ isForRoot }) => isRoot || !isForRoot)) {
    const child = await hold(unshare, way.unshare, mounts)
    if (child === undefined) continue
    const prefix = [nsenter, "-t", String(child.pid), ...way.nsenter]
    return { ...nothing, prefix, close: () => end(child) }
  }
  return undefined
}

const withHosts = async (hosts: string, others: ReadonlyArray<Mount>): Promise<ExtensionMounts | undefined> => {
  const directory = await mkdtemp(join(tmpdir(), "lambda-hosts-"))
  const remove = () => rm(directory, { recursive: true, force: true })
  const file = join(directory, "hosts")
  await writeFile(file, `${hosts.trimEnd()}\n${line}\n`)
  const entered = await enter([{ from: file, over: hostsFile }, ...others])
  if (entered === undefined) {
    await remove()
    return undefined
  }
  return { ...entered, close: () => entered.close().then(remove) }
}

const inOpt = (optDirectory: string) => (file: string): string => {
  const path = relative(optDirectory, file)
  return path.startsWith("..") ? file : join("/opt", path)
}

/** Lays over the machine's files what the extensions need, as far as the system lets it. */
export const extensionMounts = async (options: ExtensionMountsOptions): Promise<ExtensionMounts> => {
  const { optDirectory, resolveSandboxHost } = options
  const opt = optDirectory === undefined ? [] : [{ from: resolve(optDirectory), over: "/opt" }]
  const hosts = readHosts()
  const isNamed = isKnown(hosts)
  const needsName = !isNamed && resolveSandboxHost === "auto"
  const entered = needsName ? await withHosts(hosts, opt) : opt.length > 0 ? await enter(opt) : nothing
  if (entered === undefined && optDirectory !== undefined) {
    throw new Error(
      `${optDirectory} cannot be shown to the extensions as /opt: it takes both directories, and unshare and nsenter of ` +
        `util-linux with the right to make mount namespaces; without the option, link what they need into the machine's /opt`
    )
  }
  if (entered === undefined) isImpossible = true
  return {
    ...nothing,
    ...entered,
    ...(optDirectory === undefined ? {} : { pathOf: inOpt(resolve(optDirectory)) }),
    hint: isNamed || (needsName && entered !== undefined) ? undefined : hint
  }
}
