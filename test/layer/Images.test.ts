/**
 * The standalone flavour in container images, as the Dockerfiles in docs/layer.md put it there: each of them into a tree like
 * the image that it begins with, as far as that matters to a process, and then run with that tree as its root.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assertDelivers, withLayer } from "./support/sandbox.ts"
import { standalone, tarballOf, unpacked } from "./support/zips.ts"

/** An instruction of a Dockerfile and its arguments. */
type Instruction = readonly [name: string, ...args: ReadonlyArray<string>]

/** The Dockerfiles of the documentation for the standalone flavour, by the image that they begin with. */
const dockerfiles = new Map(
  [...readFileSync(new URL("../../docs/layer.md", import.meta.url), "utf8").matchAll(/```dockerfile\n(.*?)```/gs)]
    .map(([, text = ""]) => text.trim().split("\n").map((line) => line.split(" ") as unknown as Instruction))
    .map((instructions) => [instructions.find(([name]) => name === "FROM")![1]!, instructions] as const)
)

const write = (tree: string, path: string, text: string): void => {
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  writeFileSync(join(tree, path), text)
}

const HOSTS = "127.0.0.1 localhost openobserve.localhost\n"

/** What of an image an extension could notice: its C library, its shell, its name service. */
const trees: Readonly<Record<string, (tree: string) => void>> = {
  // this machine's own files: glibc and bash, as Lambda's images have
  "public.ecr.aws/lambda/python:3.14": (tree) => {
    for (const directory of ["bin", "lib", "lib64", "usr/bin"]) {
      mkdirSync(join(tree, directory), { recursive: true })
    }
    copyFileSync("/bin/bash", join(tree, "bin/bash"))
    symlinkSync("bash", join(tree, "bin/sh"))
    for (const [, library = ""] of execFileSync("ldd", ["/bin/bash"], { encoding: "utf8" }).matchAll(/(\/\S+)/g)) {
      mkdirSync(dirname(join(tree, library)), { recursive: true })
      copyFileSync(library, join(tree, library))
    }
    write(tree, "etc/nsswitch.conf", "hosts: files dns\n")
    write(tree, "etc/resolv.conf", "nameserver 127.0.0.1\n")
    write(tree, "etc/hosts", HOSTS)
  },
  // musl and busybox, no nsswitch.conf
  "alpine:3.23": (tree) => {
    const loader = ["x86_64", "aarch64"].map((name) => `/lib/ld-musl-${name}.so.1`).find(existsSync)!
    mkdirSync(join(tree, "lib"), { recursive: true })
    copyFileSync(loader, join(tree, loader))
    mkdirSync(join(tree, "bin"))
    copyFileSync("/bin/busybox", join(tree, "bin/busybox"))
    symlinkSync("busybox", join(tree, "bin/sh"))
    write(tree, "etc/resolv.conf", "nameserver 127.0.0.1\n")
    write(tree, "etc/hosts", HOSTS)
  },
  // no shell, no C library
  "gcr.io/distroless/static-debian13": (tree) => {
    write(tree, "etc/nsswitch.conf", "hosts: files dns\n")
    write(tree, "etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\n")
    write(tree, "etc/hosts", HOSTS)
  },
  scratch: () => {}
}

/** Does what the instructions that concern the extension say, in a tree. */
const apply = (tree: string, opt: string, instructions: ReadonlyArray<Instruction>): void => {
  let applied = 0
  for (const [name, ...args] of instructions) {
    const target = join(tree, args.at(-1) ?? "")
    if (name === "ADD" && args[0] === "o2-lambda-extension-x86_64.tar.gz") {
      mkdirSync(target, { recursive: true })
      execFileSync("tar", ["-xzf", tarballOf(standalone), "-C", target])
      applied++
    }
    if (name === "COPY" && args.at(-2) === "opt/") {
      // modes may have been lost on the way; a Dockerfile without --chmod would be wrong
      mkdirSync(target, { recursive: true })
      execFileSync("cp", ["-r", "--no-preserve=mode", `${opt}/.`, target])
      const mode = args.find((argument) => argument.startsWith("--chmod="))?.split("=")[1]
      execFileSync("chmod", ["-R", mode ?? "a-x,a+X", target])
      applied++
    }
  }
  assert.strictEqual(applied, 1, "one instruction puts the layer into the image")
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

// /proc is there in every container
const starter = (tree: string): string =>
  `#!/bin/sh
exec unshare --mount sh -c 'mount --rbind /proc "$1/proc" && exec /usr/sbin/chroot "$1" /opt/extensions/o2-lambda-extension' sh ${
    quoted(tree)
  }
`

describe("Dockerfiles of docs/layer.md", () => {
  it("are tried here, each of them", () => {
    assert.sameMembers([...dockerfiles.keys()], Object.keys(trees))
  })
})

// only root may give a process another root
describe.skipIf(process.getuid?.() !== 0).each(Object.entries(trees))("image like %s", (image, make) => {
  let layer: ReturnType<typeof unpacked>
  let tree: string
  beforeAll(() => {
    layer = unpacked(standalone)
    tree = mkdtempSync(join(tmpdir(), "o2-image-"))
    mkdirSync(join(tree, "proc"))
    make(tree)
    apply(tree, layer.opt, dockerfiles.get(image)!)
  })
  afterAll(() => {
    layer.remove()
    rmSync(tree, { recursive: true, force: true })
  })

  const prepare = (opt: string) => {
    rmSync(join(opt, "extensions"), { recursive: true })
    mkdirSync(join(opt, "extensions"))
    writeFileSync(join(opt, "extensions", "o2-lambda-extension"), starter(tree), { mode: 0o755 })
  }

  it.live("finds OpenObserve, delivers, and ends at SHUTDOWN", () =>
    withLayer(layer.opt, {
      prepare,
      // by name, where there is a file that says what it means
      ...existsSync(join(tree, "etc/hosts")) ? { host: "openobserve.localhost" } : {}
    }, assertDelivers))
})
