/** Both flavours, unpacked from their zips, in an emulated Lambda: from registering to the books at the end. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { nodeBinary, pathWith, versions } from "./support/node.ts"
import { assertDelivers, ownLinesOf, withLayer } from "./support/sandbox.ts"
import { standalone, unpacked } from "./support/zips.ts"

describe("nodejs flavour", () => {
  let layer: ReturnType<typeof unpacked>
  beforeAll(() => {
    layer = unpacked("nodejs")
  })
  afterAll(() => layer.remove())

  describe.each(versions)("on Node.js %s", (version) => {
    let node: ReturnType<typeof pathWith>
    beforeAll(async () => {
      node = pathWith({ link: await nodeBinary(version) })
    })
    afterAll(() => node.remove())

    it.live("registers, delivers, and ends at SHUTDOWN", () =>
      withLayer(layer.opt, { path: node.path }, assertDelivers))

    it.live("does so where the shell registers", () =>
      withLayer(layer.opt, { path: node.path, isBash: true }, assertDelivers))
  })

  it.live("reports init/error where there is no Node.js", () =>
    withLayer(layer.opt, { path: "/nonexistent", isBash: true }, ({ emulator }) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(emulator.start)
        assert.include(error.message, "attach the standalone layer instead")
        const report = (yield* emulator.calls).find(({ path }) => path.endsWith("/init/error"))
        assert.strictEqual(report?.status, 202)
        assert.strictEqual(report?.headers["lambda-extension-function-error-type"], "Extension.NoEngine")
      })))

  it.live("lets the function run where there is no Node.js, with pass-through", () =>
    withLayer(
      layer.opt,
      { path: "/nonexistent", isBash: true, environment: { O2_ON_CONFIG_ERROR: "pass-through" } },
      ({ emulator, openObserve }) =>
        Effect.gen(function*() {
          for (let call = 0; call < 3; call++) {
            assert.strictEqual((yield* emulator.invoke({ call })).status, "success")
          }
          const { extensions } = yield* emulator.shutdown()
          assert.deepStrictEqual(extensions.map(({ exitCode, killed }) => ({ exitCode, killed })), [
            { exitCode: 0, killed: false }
          ])
          assert.deepStrictEqual(yield* openObserve.records("default"), [])
          const said = ownLinesOf(yield* emulator.output)
          assert.strictEqual(said.length, 1)
          assert.match(String(said[0]?.["message"]), /attach the standalone layer.*pass-through/)
        })
    ))
})

describe("standalone flavour", () => {
  let layer: ReturnType<typeof unpacked>
  beforeAll(() => {
    layer = unpacked(standalone)
  })
  afterAll(() => layer.remove())

  it.live("registers, delivers, and ends at SHUTDOWN", () => withLayer(layer.opt, {}, assertDelivers))

  it.live("does so on Managed Instances", () =>
    withLayer(
      layer.opt,
      { initializationType: "lambda-managed-instances" },
      ({ emulator }) =>
        Effect.gen(function*() {
          yield* emulator.start
          const { extensions } = yield* emulator.shutdown()
          assert.strictEqual(extensions[0]?.exitCode, 0)
          const registration = (yield* emulator.calls).find(({ path }) => path.endsWith("/register"))
          assert.strictEqual(registration?.body, "{\"events\":[\"SHUTDOWN\"]}")
        })
    ))
})
