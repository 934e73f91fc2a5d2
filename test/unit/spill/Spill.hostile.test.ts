/** What a function, another program or a dying disk may have made of the directory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as SpillFile from "../../../src/spill/SpillFile.ts"
import {
  batchOf,
  begin,
  droppedFiles,
  interceptDisk,
  LONG,
  makeSandbox,
  reset,
  withFreeBytes
} from "../../support/spillFixtures.ts"

const isRoot = process.getuid?.() === 0

/** Whether file systems can be mounted here: by root, outside most containers. */
const canMount = isRoot && (() => {
  const path = Fs.mkdtempSync(`${tmpdir()}/o2-mount-`)
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", path], { stdio: "ignore" })
    execFileSync("umount", [path], { stdio: "ignore" })
    return true
  } catch {
    return false
  } finally {
    Fs.rmdirSync(path)
  }
})()
if (!isRoot) process.stdout.write("tests of files of another user are skipped: only root can make them\n")
if (!canMount) {
  process.stdout.write("tests of a full and of a read-only disk are skipped: nothing can be mounted here\n")
}

/** A sandbox on a file system of its own of 64 KiB. */
const makeMountedSandbox = Effect.gen(function*() {
  const { tmp: outer } = yield* makeSandbox
  const tmp = yield* Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(`${outer}/mounted`)
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", `${outer}/mounted`])
      return `${outer}/mounted`
    }),
    (path) => Effect.sync(() => execFileSync("umount", ["--lazy", path]))
  )
  const directory = `${tmp}/o2-lambda-extension`
  return {
    tmp,
    directory,
    begin: begin(tmp),
    names: () => Fs.existsSync(directory) ? Fs.readdirSync(directory) : [],
    setReadOnly: Effect.sync(() => execFileSync("mount", ["-o", "remount,ro", tmp]))
  }
})

/** The content of a file with one record. */
const file = (n: number) => SpillFile.encode(batchOf(0, [n]))
const nameOf = (id: number, n: number) => SpillFile.nameOf(batchOf(id, [n]), 7, 1)

/** Things that may lie where a file should be, with the reason that is given when they are dropped. */
const intruders: Record<string, readonly [reason: string, put: (path: string, outside: string) => void]> = {
  "an empty file": ["truncated", (path) => Fs.writeFileSync(path, "")],
  "a file cut off in its head": ["truncated", (path) => Fs.writeFileSync(path, file(2).subarray(0, 20))],
  "a file cut off in its body": ["truncated", (path) => Fs.writeFileSync(path, file(2).subarray(0, -1))],
  "a file with a changed byte": ["corrupt", (path) => {
    const bytes = file(2)
    bytes[50]! ^= 1
    Fs.writeFileSync(path, bytes)
  }],
  "a file that is longer than its name says": ["foreign", (path) => {
    Fs.writeFileSync(path, Buffer.concat([file(2), Buffer.from("x")]))
  }],
  "a file with more records than its name says": ["corrupt", (path) => {
    Fs.writeFileSync(path, SpillFile.encode({ ...batchOf(0, [2]), tally: { records: 2, bytes: 1 } }))
  }],
  "a file with a shorter body than its name says": ["corrupt", (path) => {
    Fs.writeFileSync(path, SpillFile.encode({ ...batchOf(0, [2]), body: Buffer.from("[]") }))
  }],
  "a file of another version": ["version", (path) => {
    const bytes = file(2)
    bytes[7] = 3
    Fs.writeFileSync(path, bytes)
  }],
  "something else": ["foreign", (path) => Fs.writeFileSync(path, "hello")],
  "an empty directory": ["foreign", (path) => Fs.mkdirSync(path)],
  "a directory with content": ["foreign", (path) => {
    Fs.mkdirSync(path)
    Fs.writeFileSync(`${path}/inside`, "")
  }],
  "a pipe that nobody writes to": ["foreign", (path) => void execFileSync("mkfifo", [path])],
  "a dangling symbolic link": ["foreign", (path) => Fs.symlinkSync("/nowhere", path)],
  "a symbolic link to a usable file elsewhere": ["foreign", (path, outside) => Fs.symlinkSync(outside, path)],
  "a symbolic link to itself": ["foreign", (path) => Fs.symlinkSync(path, path)],
  ...(isRoot ?
    {
      "a file of another user": ["foreign", (path: string) => {
        Fs.writeFileSync(path, file(2))
        Fs.chownSync(path, 12345, 12345)
      }] as const
    } :
    {})
}

/** Things that may be in the place of the directory. */
const places: Record<string, (directory: string, elsewhere: string) => void> = {
  "a symbolic link to a directory": (directory, elsewhere) => Fs.symlinkSync(elsewhere, directory),
  "a dangling symbolic link": (directory) => Fs.symlinkSync("/nowhere", directory),
  "a file": (directory) => Fs.writeFileSync(directory, "hello"),
  "a pipe": (directory) => void execFileSync("mkfifo", [directory]),
  ...(isRoot ?
    {
      "a directory of another user": (directory: string) => {
        Fs.mkdirSync(directory)
        Fs.chownSync(directory, 12345, 12345)
      }
    } :
    {})
}

describe("Spill", () => {
  describe("gives up, counts once and goes on behind", () => {
    for (const [what, [reason, put]] of Object.entries(intruders)) {
      it.effect(what, () =>
        Effect.gen(function*() {
          const sandbox = yield* makeSandbox
          Fs.mkdirSync(sandbox.directory)
          const outside = `${sandbox.tmp}/outside`
          Fs.writeFileSync(outside, file(2))
          Fs.writeFileSync(`${sandbox.directory}/${nameOf(0, 1)}`, file(1))
          put(`${sandbox.directory}/${nameOf(1, 2)}`, outside)
          Fs.writeFileSync(`${sandbox.directory}/${nameOf(2, 3)}`, file(3))
          const generation = yield* sandbox.begin
          yield* generation.spill.catchUp(generation.memory)
          yield* generation.spill.catchUp(generation.memory)
          assert.deepStrictEqual(generation.memory.restored, [1, 3])
          assert.strictEqual(yield* droppedFiles(generation), 1)
          assert.deepStrictEqual(generation.log.entries.map(({ fields, level }) => ({ level, fields })), [
            { level: "Warn", fields: { directory: sandbox.directory, [reason]: 1 } }
          ])
          assert.isTrue(Fs.readFileSync(outside).equals(file(2)))
          const left = sandbox.names().length
          assert.strictEqual(left, what.includes("directory") ? 3 : 2)
          // what cannot be deleted does not disturb the end either
          assert.deepStrictEqual((yield* reset(generation)).notOnDisk, [])
          assert.strictEqual(sandbox.names().length, left)
        }))
    }

    it.effect("names that it has not given", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        Fs.mkdirSync(sandbox.directory)
        Fs.writeFileSync(`${sandbox.directory}/${nameOf(0, 1)}`, file(1))
        const names = [
          "a",
          "~",
          "000000000000007-1-1-1-1.spill",
          `${nameOf(0, 1)}.bak`,
          nameOf(3, 4).replace(/\d+\.spill$/, "9999999999.spill")
        ]
        for (const name of names) Fs.writeFileSync(`${sandbox.directory}/${name}`, file(4))
        const generation = yield* sandbox.begin
        yield* generation.spill.catchUp(generation.memory)
        assert.deepStrictEqual(generation.memory.restored, [1])
        assert.strictEqual(yield* droppedFiles(generation), names.length)
        assert.strictEqual(sandbox.names().length, 1)
      }))

    it.effect("files that the disk cannot read", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        for (const n of [1, 2, 3]) first.memory.seal([n])
        yield* reset(first)
        const [, broken] = sandbox.names()
        const second = yield* sandbox.begin
        yield* interceptDisk(sandbox.tmp, (call, [path]) =>
          call === "open" && String(path).endsWith(broken!)
            ? Promise.reject(Object.assign(new Error(), { code: "EIO" }))
            : undefined)
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual([second.memory.restored, yield* droppedFiles(second)], [[1, 3], 1])
        assert.deepStrictEqual(second.log.entries[0]?.fields, { directory: sandbox.directory, unreadable: 1 })
      }))
  })

  describe("does not use what stands in the place of its directory:", () => {
    for (const [what, put] of Object.entries(places)) {
      it.effect(what, () =>
        Effect.gen(function*() {
          const sandbox = yield* makeSandbox
          const elsewhere = `${sandbox.tmp}/elsewhere`
          Fs.mkdirSync(elsewhere)
          Fs.writeFileSync(`${elsewhere}/${nameOf(0, 1)}`, file(1))
          put(sandbox.directory, elsewhere)
          const generation = yield* sandbox.begin
          yield* generation.spill.catchUp(generation.memory)
          const batch = generation.memory.seal([2])
          const spilled = yield* reset(generation)
          yield* generation.spill.catchUp(generation.memory)
          assert.deepStrictEqual(spilled, { onDisk: [], notOnDisk: [{ batch, obstacle: "directory" }] })
          assert.deepStrictEqual(generation.memory.restored, [])
          assert.strictEqual(yield* droppedFiles(generation), 1)
          assert.deepStrictEqual(generation.log.at("Warn").length, 1)
          assert.deepStrictEqual(Fs.readdirSync(elsewhere), [nameOf(0, 1)])
        }))
    }

    it.effect("a temporary directory that is missing", () =>
      Effect.gen(function*() {
        const { tmp } = yield* makeSandbox
        const generation = yield* begin(`${tmp}/missing`)
        yield* generation.spill.catchUp(generation.memory)
        const batch = generation.memory.seal([1])
        assert.deepStrictEqual((yield* reset(generation)).notOnDisk, [{ batch, obstacle: "directory" }])
        assert.isFalse(Fs.existsSync(`${tmp}/missing`))
        assert.deepStrictEqual(generation.log.entries.map(({ fields }) => fields["cause"]), ["ENOENT"])
      }))

    it.effect("a temporary directory that is a file", () =>
      Effect.gen(function*() {
        const { tmp } = yield* makeSandbox
        Fs.writeFileSync(`${tmp}/file`, "")
        const generation = yield* begin(`${tmp}/file`)
        yield* generation.spill.catchUp(generation.memory)
        const batch = generation.memory.seal([1])
        assert.deepStrictEqual((yield* reset(generation)).notOnDisk, [{ batch, obstacle: "directory" }])
      }))
  })

  it.effect("writes nothing through a link that waits in the place of its next file", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const victim = `${sandbox.tmp}/victim`
      Fs.writeFileSync(victim, "precious")
      const generation = yield* sandbox.begin
      const batch = generation.memory.seal([1])
      yield* interceptDisk(sandbox.tmp, (call, [path]) => {
        if (call === "writeFile") Fs.symlinkSync(victim, String(path))
        return undefined
      })
      assert.deepStrictEqual(yield* reset(generation), { onDisk: [], notOnDisk: [{ batch, obstacle: "disk" }] })
      assert.strictEqual(Fs.readFileSync(victim, "utf8"), "precious")
      assert.deepStrictEqual(sandbox.names(), [])
    }))

  it.effect("says that a file stays which cannot be deleted, and does not load it again", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const first = yield* sandbox.begin
      first.memory.seal([1])
      yield* reset(first)
      const { log, memory, spill } = yield* sandbox.begin
      yield* Effect.scoped(Effect.gen(function*() {
        yield* interceptDisk(
          sandbox.tmp,
          (call) => call === "unlink" ? Promise.reject(Object.assign(new Error(), { code: "EBUSY" })) : undefined
        )
        yield* spill.catchUp(memory)
        memory.deliver(memory.all[0]!)
        yield* spill.catchUp(memory)
        yield* spill.catchUp(memory)
        yield* spill.catchUp(memory)
        assert.deepStrictEqual(memory.restored, [1])
        assert.deepStrictEqual(log.entries.map(({ fields }) => fields["cause"]), ["EBUSY"])
      }))
      yield* spill.catchUp(memory)
      assert.deepStrictEqual(sandbox.names(), [])
    }))

  it.effect.skipIf(!canMount)(
    "writes what fits on a disk that the function has nearly filled",
    () =>
      Effect.gen(function*() {
        const sandbox = yield* makeMountedSandbox
        const generation = yield* sandbox.begin
        const batches = [1, 2, 3].map((n) => generation.memory.seal([n], 3000))
        // two pages are free, of which one may be used; the directory takes none
        Fs.writeFileSync(`${sandbox.tmp}/filled`, Buffer.alloc(56 * 1024))
        const { notOnDisk, onDisk } = yield* reset(generation)
        assert.deepStrictEqual(onDisk, batches.slice(2))
        assert.deepStrictEqual(notOnDisk.map(({ obstacle }) => obstacle), ["room", "room"])
        const next = yield* sandbox.begin
        yield* next.spill.catchUp(next.memory)
        assert.deepStrictEqual(next.memory.restored, [3])
      })
  )

  it.effect.skipIf(!canMount)("survives a disk that is full without having said so", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeMountedSandbox
      const generation = yield* sandbox.begin
      const small = generation.memory.seal([1], 3000)
      const large = generation.memory.seal([2], 100_000)
      yield* withFreeBytes(sandbox.tmp, 1024 * 1024)
      assert.deepStrictEqual(yield* reset(generation), {
        onDisk: [small],
        notOnDisk: [{ batch: large, obstacle: "room" }]
      })
      assert.strictEqual(sandbox.names().length, 1)
      assert.deepStrictEqual(generation.log.entries.map(({ fields }) => fields["cause"]), ["ENOSPC"])
    }))

  it.effect.skipIf(!canMount)(
    "replays from a disk that has become read-only, and says what it cannot do there",
    () =>
      Effect.gen(function*() {
        const sandbox = yield* makeMountedSandbox
        const first = yield* sandbox.begin
        first.memory.seal([1])
        yield* reset(first)
        Fs.writeFileSync(`${sandbox.directory}/foreign`, "")
        yield* sandbox.setReadOnly
        const second = yield* sandbox.begin
        yield* second.spill.catchUp(second.memory)
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual(second.memory.restored, [1])
        assert.strictEqual(yield* droppedFiles(second), 1)
        second.memory.deliver(second.memory.all[0]!)
        yield* second.spill.catchUp(second.memory)
        const batch = second.memory.seal([2])
        assert.deepStrictEqual(yield* second.spill.write(second.memory, LONG), {
          onDisk: [],
          notOnDisk: [{ batch, obstacle: "disk" }]
        })
        assert.deepStrictEqual(second.log.entries.map(({ fields }) => fields["cause"]), [undefined, "EROFS", "EROFS"])
      })
  )

  it.effect.skipIf(!canMount)("survives a read-only disk without a directory", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeMountedSandbox
      yield* sandbox.setReadOnly
      const generation = yield* sandbox.begin
      yield* generation.spill.catchUp(generation.memory)
      const batch = generation.memory.seal([1])
      assert.deepStrictEqual((yield* reset(generation)).notOnDisk, [{ batch, obstacle: "directory" }])
      assert.deepStrictEqual(generation.log.entries.map(({ fields }) => fields["cause"]), ["EROFS"])
    }))
})
