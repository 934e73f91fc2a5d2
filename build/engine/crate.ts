/** The Rust crate of the engine, and how it is built: the same bytes wherever it lies, for the same tool chain. */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Machine } from "./machines.ts"
import type { ToolChain } from "./toolChain.ts"

/** Where it is. */
export const crate = fileURLToPath(new URL("../../layer/engine", import.meta.url))

const targetDirectory = process.env["CARGO_TARGET_DIR"] ?? join(crate, "target")
const cargoHome = process.env["CARGO_HOME"] ?? join(homedir(), ".cargo")

/** Variables of the developer's that would change what is built. */
const STEERING =
  /^(RUSTC|RUSTC_.*|RUSTFLAGS|CARGO_(BUILD|PROFILE|TARGET|UNSTABLE)_(?!DIR$).*|((TARGET|HOST)_)?(CC|CFLAGS|AR|ARFLAGS)(_.*)?)$/

/**
 * One file that runs wherever there is a kernel, at an address of the kernel's choice. Nothing unwinds a stack: a panic
 * aborts, after its one line.
 */
const RUST_FLAGS = [
  "-Ctarget-feature=+crt-static",
  "-Crelocation-model=pie",
  "-Cforce-unwind-tables=no",
  // else looks for the function in a shared library, and without one for a file that not every root has
  "--cfg=getrandom_backend=\"linux_getrandom\""
]
const C_FLAGS = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]

/** Who links for a machine, as variables. */
const linkerOf = ({ compiler, isPieUnknown, target }: Machine): NodeJS.ProcessEnv => {
  const variable = `CARGO_TARGET_${target.toUpperCase().replaceAll("-", "_")}_LINKER`
  return isPieUnknown
    ? { [variable]: fileURLToPath(new URL("static-pie.sh", import.meta.url)), O2_LINKER: compiler }
    : { [variable]: compiler }
}

/** An engine without a program in it. */
export interface Engine {
  readonly machine: Machine
  readonly file: string
}

/** Runs cargo, and answers what it prints. */
export const cargo = (bin: string, args: ReadonlyArray<string>, environment: NodeJS.ProcessEnv = {}): string =>
  execFileSync(join(bin, "cargo"), args, {
    cwd: crate,
    encoding: "utf8",
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !STEERING.test(name))),
      // cargo takes the first rustc there
      PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
      CARGO_TARGET_DIR: targetDirectory,
      ...environment
    },
    // a description of all crates is some MB
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"]
  })

/** Builds the engine for the machines of a tool chain. */
export const buildEngines = ({ bin, machines }: ToolChain): ReadonlyArray<Engine> => {
  const targets = machines.flatMap(({ target }) => ["--target", target])
  // first, since where the sources of crates are is part of the flags
  cargo(bin, ["fetch", "--locked", "--quiet", ...targets])
  cargo(bin, ["build", "--release", "--locked", ...targets], {
    ...Object.assign({}, ...machines.map(linkerOf)) as NodeJS.ProcessEnv,
    CARGO_ENCODED_RUSTFLAGS: [...RUST_FLAGS, ...neutralPaths().map((map) => `--remap-path-prefix=${map}`)].join("\x1f"),
    CFLAGS: [...C_FLAGS, ...neutralPaths().map((map) => `-ffile-prefix-map=${map}`)].join(" ")
  })
  return machines.map((machine) => ({
    machine,
    file: join(targetDirectory, machine.target, "release", "o2-lambda-engine")
  }))
}

/** What paths of this machine are called in the engine; of several that match the last one counts, for both compilers. */
const neutralPaths = (): ReadonlyArray<string> => {
  const sources = join(cargoHome, "registry", "src")
  return [
    `${crate}=engine`,
    `${targetDirectory}=target`,
    `${cargoHome}=cargo`,
    // named after the registry, which may be a mirror
    ...(existsSync(sources) ? readdirSync(sources).map((name) => `${join(sources, name)}=crates`) : [])
  ]
}
