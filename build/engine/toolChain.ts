/**
 * Finds what builds the engines: a `cargo` and `rustc` that are new enough and have the standard library of the machine, and
 * a C compiler with a static C library for it. Rust's is the first on `PATH` that can build for all machines, so that
 * all engines come from one compiler; /usr/bin is looked into as well, since Debian's `rustc-web` has libraries for other
 * machines in packages (`libstd-rust-web-dev:arm64`) where rustup's downloads may be out of reach. Without such a one each
 * machine gets the first that has its library.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"
import { crate } from "./crate.ts"
import { type Machine, machines } from "./machines.ts"

/** Rust in one directory, and the machines that it is to build for. */
export interface ToolChain {
  readonly bin: string
  readonly machines: ReadonlyArray<Machine>
}

/** A machine that cannot be built for, and what is missing. */
export interface Missing {
  readonly machine: Machine
  readonly what: string
}

/** Who builds for which machine, and which are left out; for all, so that who builds one does not depend on the others. */
export const toolChains = (): {
  readonly chains: ReadonlyArray<ToolChain>
  readonly missing: ReadonlyArray<Missing>
} => {
  const oldest = /^rust-version = "(.*)"$/m.exec(readFileSync(join(crate, "Cargo.toml"), "utf8"))![1]!
  const linkable = machines.filter(hasStaticLibrary)
  const candidates = [...new Set([...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"])]
    .filter((bin) => isAbsolute(bin) && existsSync(join(bin, "cargo")) && isNewEnough(bin, oldest))
    .map((bin): ToolChain => ({ bin, machines: linkable.filter(standardLibraryOf(bin)) }))
  const complete = candidates.find((chain) => chain.machines.length === linkable.length)
  const chains = complete === undefined ? firstForEach(candidates) : [complete]
  const built = new Set(chains.flatMap((chain) => chain.machines))
  return {
    chains,
    missing: machines.filter((machine) => !built.has(machine)).map((machine) => ({
      machine,
      what: linkable.includes(machine)
        ? `Rust ${oldest} with the standard library for ${machine.target}`
        : `${machine.compiler} with a static C library`
    }))
  }
}

const firstForEach = (candidates: ReadonlyArray<ToolChain>): ReadonlyArray<ToolChain> =>
  candidates.map((chain, index) => {
    const taken = new Set(candidates.slice(0, index).flatMap((earlier) => earlier.machines))
    return { ...chain, machines: chain.machines.filter((machine) => !taken.has(machine)) }
  })

/** What a program says on one line; nothing if it cannot be run. */
const said = (file: string, ...args: ReadonlyArray<string>): string => {
  try {
    return execFileSync(file, args, { cwd: crate, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
  } catch {
    return ""
  }
}

const isNewEnough = (bin: string, oldest: string): boolean => {
  const version = /^rustc (\d+)\.(\d+)/.exec(said(join(bin, "rustc"), "--version"))
  const [major = 0, minor = 0] = oldest.split(".").map(Number)
  return version !== null && Number(version[1]) === major && Number(version[2]) >= minor
}

const standardLibraryOf = (bin: string) => {
  const sysroot = said(join(bin, "rustc"), "--print", "sysroot")
  return ({ target }: Machine): boolean => {
    const libraries = join(sysroot, "lib", "rustlib", target, "lib")
    return existsSync(libraries) && readdirSync(libraries).some((name) => /^libstd-.*\.rlib$/.test(name))
  }
}

// a C compiler answers the bare name of a file that it does not know
const hasStaticLibrary = ({ compiler }: Machine): boolean => isAbsolute(said(compiler, "-print-file-name=libc.a"))
