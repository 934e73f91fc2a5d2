/** Both flavours on arm64, from their zips; under emulation where the tests run on another machine. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { workingSettings } from "../integration/sandbox.ts"
import { emulateExtension, machineOf, shim } from "./support/arm64.ts"
import { arm64NodeBinary, pathWith } from "./support/node.ts"
import { assertDelivers, withLayer } from "./support/sandbox.ts"
import { unpacked } from "./support/zips.ts"

const run = promisify(execFile)

/** Emulated, an engine is some twenty times slower; the drain at SHUTDOWN is not what is tested here, in ms. */
const SHUTDOWN_BUDGET_MS = 20_000

describe.each(["nodejs", "arm64"] as const)("layer %s on arm64", (flavour) => {
  let layer: ReturnType<typeof unpacked>
  let emulated: string
  let node: ReturnType<typeof pathWith>
  beforeAll(async () => {
    const binary = await arm64NodeBinary()
    assert.strictEqual(machineOf(binary), "arm64")
    node = pathWith({ script: shim(binary) })
    layer = unpacked(flavour)
    emulated = join(layer.opt, "..", "emulated")
    cpSync(layer.opt, emulated, { recursive: true })
    if (flavour === "arm64") emulateExtension(emulated)
  })
  afterAll(() => {
    node.remove()
    layer.remove()
  })

  it.live("registers, delivers, and ends at SHUTDOWN", () =>
    withLayer(emulated, { path: node.path, shutdownBudgetMs: SHUTDOWN_BUDGET_MS }, assertDelivers))

  it.live.runIf(flavour === "nodejs")(
    "does so where the shell registers",
    () => withLayer(emulated, { path: node.path, isBash: true, shutdownBudgetMs: SHUTDOWN_BUDGET_MS }, assertDelivers)
  )

  it.live("answers commands", () =>
    Effect.gen(function*() {
      const openObserve = yield* OpenObserveDouble
      const command = (argument: string) =>
        Effect.promise(() =>
          run(join(emulated, "extensions", "o2-lambda-extension"), [argument], {
            env: { PATH: node.path, ...workingSettings(openObserve) }
          })
        )
      assert.match((yield* command("--version")).stdout, /^\d+\.\d+\.\d+\n$/)
      assert.match((yield* command("--help")).stdout, /^Usage: o2-lambda-extension/)
      assert.notMatch((yield* command("-h")).stdout, /fail/i)
    }).pipe(Effect.provide(OpenObserveDouble.layer())))
})
