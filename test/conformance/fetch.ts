/** Brings the emulator's binary and AWS's Python runtime client into `node_modules/.cache/rie`, once per set of pins. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const cache = fileURLToPath(new URL("../../node_modules/.cache/rie", import.meta.url))
const requirementsFile = fileURLToPath(new URL("requirements.txt", import.meta.url))

/** The wheel of which only one file is wanted. */
const EMULATOR_PACKAGE = "aws-sam-cli"

/** How the wheel names the architectures that Node.js names differently. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "arm64" }

/** ms; on a slow connection 8 MB take a minute. */
const DOWNLOAD_TIMEOUT = 300_000

/** A Python interpreter that can run pip. */
export interface Python {
  readonly command: string
  /** The directory that holds its `bin` and `lib`. */
  readonly prefix: string
  /** `3.11`, say. */
  readonly version: string
}

/** Where things are after fetching. */
export interface Fetched {
  /** The emulator's executable. */
  readonly rie: string
  /** The directory with `awslambdaric`. */
  readonly packages: string
}

/** Fetches what is not there yet; throws when a download fails. */
export const fetchEmulator = (python: Python): Fetched => {
  const architecture = ARCHITECTURES[process.arch]
  if (architecture === undefined) throw new Error(`the emulator does not exist for ${process.arch}`)
  const requirements = readFileSync(requirementsFile, "utf8")
  const pins = createHash("sha256").update(requirements).digest("hex").slice(0, 12)
  const target = join(cache, `${pins}-${architecture}-python${python.version}`)
  if (!existsSync(target)) {
    mkdirSync(cache, { recursive: true })
    // complete or not at all: another run may be fetching as well
    const draft = mkdtempSync(join(cache, "draft-"))
    try {
      fetchInto(draft, requirements, architecture, python)
      renameSync(draft, target)
    } catch (error) {
      // unless the other one was faster
      if (!existsSync(target)) throw error
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  return { rie: join(target, "aws-lambda-rie"), packages: join(target, "packages") }
}

const fetchInto = (directory: string, requirements: string, architecture: string, python: Python): void => {
  const pins = requirements.split("\n").filter((line) => line.includes("=="))
  const isEmulator = (pin: string) => pin.startsWith(`${EMULATOR_PACKAGE}==`)
  // whatever the umask: the emulator's children are another user
  const publish = () => execFileSync("chmod", ["-R", "a+rX", directory])
  const run = (...args: ReadonlyArray<string>) =>
    execFileSync(python.command, args, {
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: DOWNLOAD_TIMEOUT,
      env: { ...process.env, PIP_ROOT_USER_ACTION: "ignore", PIP_DISABLE_PIP_VERSION_CHECK: "1" }
    })
  const packages = join(directory, "packages")
  // wheels only: the sources would have to be compiled
  const flags = ["--quiet", "--no-deps", "--only-binary=:all:"]
  run("-m", "pip", "install", ...flags, "--target", packages, ...pins.filter((pin) => !isEmulator(pin)))
  run("-m", "pip", "download", ...flags, "--dest", "wheels", ...pins.filter(isEmulator))
  const [wheel] = readdirSync(join(directory, "wheels"))
  if (wheel === undefined) throw new Error("pip has downloaded nothing")
  run("-m", "zipfile", "--extract", join("wheels", wheel), "unpacked")
  const rie = join(directory, "aws-lambda-rie")
  renameSync(join(directory, "unpacked", "samcli", "local", "rapid", `aws-lambda-rie-${architecture}`), rie)
  chmodSync(rie, 0o755)
  for (const name of ["wheels", "unpacked"]) rmSync(join(directory, name), { recursive: true })
  publish()
}
