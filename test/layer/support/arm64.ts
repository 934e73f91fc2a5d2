/** Runs programs for arm64 on another machine, by QEMU's user mode emulation. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Where Debian's libc6-arm64-cross puts an arm64 system's libraries. */
const SYSROOT = "/usr/aarch64-linux-gnu"

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

const QEMU = "/usr/bin/qemu-aarch64-static"

/** A script that runs an arm64 program; it is the program itself on arm64. */
export const shim = (program: string): string => {
  if (process.arch === "arm64") return `#!/bin/sh\nexec ${quoted(program)} "$@"\n`
  if (!existsSync(QEMU) || !existsSync(`${SYSROOT}/lib/libstdc++.so.6`)) {
    throw new Error("arm64 is tested under QEMU: install qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross")
  }
  // libraries of libc6:arm64, which may be there for the tool chain, would not go with this loader
  return `#!/bin/sh\nexec ${QEMU} -L ${SYSROOT} -E LD_LIBRARY_PATH=/lib ${quoted(program)} "$@"\n`
}

/** Puts a shim in the place of an unpacked standalone extension, which keeps its name elsewhere. */
export const emulateExtension = (opt: string): void => {
  if (process.arch === "arm64") return
  const extension = join(opt, "extensions", "o2-lambda-extension")
  const real = join(opt, "real", "o2-lambda-extension")
  mkdirSync(join(opt, "real"))
  renameSync(extension, real)
  // no libraries for this one: it must not need any
  writeFileSync(extension, `#!/bin/sh\nexec ${QEMU} -L /nonexistent ${quoted(real)} "$@"\n`, { mode: 0o755 })
}

/** Checks that the emulation works at all, so that a failure names its cause. */
export const machineOf = (node: string): string =>
  execFileSync("/bin/sh", ["-c", shim(node).split("\n")[1]!, "sh", "-p", "process.arch"], { encoding: "utf8" }).trim()
