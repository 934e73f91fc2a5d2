/** Runs programs for arm64 on another machine, by QEMU's user mode emulation. */
import { execFileSync } from "node:child_process"
import { existsSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Where Debian's libc6-arm64-cross puts an arm64 system's libraries. */
const SYSROOT = "/usr/aarch64-linux-gnu"

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** A script that runs an arm64 program; it is the program itself on arm64. */
export const shim = (program: string): string => {
  if (process.arch === "arm64") return `#!/bin/sh\nexec ${quoted(program)} "$@"\n`
  const qemu = "/usr/bin/qemu-aarch64-static"
  if (!existsSync(qemu) || !existsSync(`${SYSROOT}/lib/libstdc++.so.6`)) {
    throw new Error("arm64 is tested under QEMU: install qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross")
  }
  return `#!/bin/sh\nexec ${qemu} -L ${SYSROOT} ${quoted(program)} "$@"\n`
}

/** Puts a shim in the place of an unpacked arm64 engine, under the name that the launcher looks for on this machine. */
export const emulateEngine = (opt: string): void => {
  if (process.arch === "arm64") return
  const engine = join(opt, "o2-lambda-extension", "engine-aarch64")
  const real = join(opt, "o2-lambda-extension", "real-engine")
  renameSync(engine, real)
  writeFileSync(join(opt, "o2-lambda-extension", "engine-x86_64"), shim(real), { mode: 0o755 })
}

/** Checks that the emulation works at all, so that a failure names its cause. */
export const machineOf = (node: string): string =>
  execFileSync("/bin/sh", ["-c", shim(node).split("\n")[1]!, "sh", "-p", "process.arch"], { encoding: "utf8" }).trim()
