import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { STREAM } from "../../support/sinks.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** Runs a program to its own end, and says what came of it. */
const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output += String(chunk))
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  }).pipe(Effect.timeout("20 seconds"))

const ship = (mode: string) =>
  Effect.gen(function*() {
    const { authorization, url } = yield* OpenObserveDouble
    return yield* run(["test/support/fixtures/ship.ts"], { AUTHORIZATION: authorization, ENDPOINT: url, MODE: mode })
  })

describe("a program with a sink", () => {
  for (const mode of ["succeed", "fail"]) {
    it.live(`ends by itself when it ${mode}s`, () =>
      Effect.gen(function*() {
        const { code, output } = yield* ship(mode)
        assert.deepStrictEqual([code, output.trim()], [0, "ended"])
        assert.lengthOf(yield* OpenObserveDouble.use((double) => double.records(STREAM)), 1)
      }).pipe(Effect.provide(OpenObserveDouble.layer())))
  }

  it.live("ends by itself when the server gives no answer", () =>
    Effect.gen(function*() {
      yield* OpenObserveDouble.use((double) => double.setFault(Fault.HangBeforeHeaders()))
      const { code, output } = yield* ship("succeed")
      assert.strictEqual(code, 0)
      assert.include(output, "not all records were stored")
      assert.match(output, /ended\s*$/)
    }).pipe(Effect.provide(OpenObserveDouble.layer())))
})

describe("an import", () => {
  for (const file of readdirSync(`${root}src/library`)) {
    it.live(`of ${file} does nothing`, () =>
      Effect.gen(function*() {
        const script = `
          const before = process.eventNames().length
          await import("./src/library/${file}")
          if (process.eventNames().length !== before) console.log("listeners", process.eventNames())
          const active = process.getActiveResourcesInfo().filter((kind) => !/Pipe|TTY|FS|Close/.test(kind))
          if (active.length > 0) console.log(active)`
        const { code, output } = yield* run(["--input-type=module", "--eval", script])
        assert.deepStrictEqual([code, output], [0, ""])
      }))
  }
})
