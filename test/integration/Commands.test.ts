/** The commands, as a person at a terminal runs them. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { runCommand, unpackedLayer, workingSettings } from "./sandbox.ts"

const makeDouble = Effect.map(
  Layer.build(OpenObserveDouble.layer()),
  (services) => Context.get(services, OpenObserveDouble)
)

/** What a health check has found, step by step. */
const steps = (stdout: ReadonlyArray<string>) => stdout.map((line) => line.slice(0, line.indexOf(":")).trimEnd())

/** A port where nothing listens. */
const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

describe("commands", () => {
  for (const command of ["health-check", "--health-check", "-h"]) {
    it.live(`${command} finds nothing to complain of`, () =>
      Effect.gen(function*() {
        const openObserve = yield* makeDouble
        const { exitCode, stderr, stdout } = yield* runCommand(
          yield* unpackedLayer,
          [command],
          workingSettings(openObserve)
        )
        assert.deepStrictEqual(steps(stdout), ["ok    settings", "ok    connection", "ok    credentials"])
        assert.strictEqual(exitCode, 0)
        assert.strictEqual(stderr, "")
        const [request] = yield* openObserve.requests
        assert.strictEqual(Buffer.from(request?.body ?? "").toString(), "[]")
        assert.strictEqual((yield* openObserve.records("default")).length, 0)
      }))
  }

  it.live("health-check names the setting when the password is wrong, without showing it", () =>
    Effect.gen(function*() {
      const openObserve = yield* makeDouble
      const { exitCode, stderr, stdout } = yield* runCommand(yield* unpackedLayer, ["health-check"], {
        ...workingSettings(openObserve),
        O2_AUTHORIZATION_HEADER: "Basic d3Jvbmc6d3Jvbmc="
      })
      assert.deepStrictEqual(steps(stdout), ["ok    settings", "ok    connection", "FAIL  credentials"])
      assert.include(stdout[2], "O2_AUTHORIZATION_HEADER")
      assert.notInclude(stdout.join() + stderr, "d3Jvbmc6d3Jvbmc=")
      assert.strictEqual(exitCode, 1)
    }))

  it.live("health-check says why there is no connection", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const { exitCode, stdout } = yield* runCommand(yield* unpackedLayer, ["health-check"], {
        O2_ENDPOINT: `http://127.0.0.1:${port}`,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: "Basic eDp5"
      })
      assert.deepStrictEqual(steps(stdout), ["ok    settings", "FAIL  connection"])
      assert.include(stdout[1], "ECONNREFUSED")
      assert.include(stdout[1], "O2_ENDPOINT")
      assert.strictEqual(exitCode, 1)
    }))

  it.live("health-check has a line for every wrong setting", () =>
    Effect.gen(function*() {
      const { exitCode, stdout } = yield* runCommand(yield* unpackedLayer, ["health-check"], { O2_MAX_RETRIES: "many" })
      assert.deepStrictEqual(steps(stdout), ["FAIL  settings", "FAIL  settings", "FAIL  settings"])
      for (const name of ["O2_ORGANIZATION_ID", "O2_AUTHORIZATION_HEADER", "O2_MAX_RETRIES"]) {
        assert.include(stdout.join("\n"), name)
      }
      assert.strictEqual(exitCode, 1)
    }))

  it.live("--help goes to stdout and names the commands", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* runCommand(yield* unpackedLayer, ["--help"])
      assert.include(stdout[0], "Usage: o2-lambda-extension")
      for (const command of ["health-check", "--version", "--help"]) assert.include(stdout.join("\n"), command)
      assert.deepStrictEqual([exitCode, stderr], [0, ""])
    }))

  for (const flag of ["--version", "-v"]) {
    it.live(`${flag} is the package's version`, () =>
      Effect.gen(function*() {
        const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
        const { exitCode, stdout } = yield* runCommand(yield* unpackedLayer, [flag])
        assert.deepStrictEqual([stdout, exitCode], [[version], 0])
      }))
  }

  for (const args of [["frobnicate"], ["health-check", "now"], ["--helpp"], []]) {
    it.live(`shows its usage on stderr for ${args.length === 0 ? "no command outside Lambda" : args.join(" ")}`, () =>
      Effect.gen(function*() {
        const { exitCode, stderr, stdout } = yield* runCommand(yield* unpackedLayer, args)
        assert.include(stderr, "Usage: o2-lambda-extension")
        if (args[0] !== undefined) assert.include(stderr, args[0])
        assert.deepStrictEqual([stdout, exitCode], [[], 2])
      }))
  }

  it.live("takes arguments for a command even under Lambda", () =>
    Effect.gen(function*() {
      const { exitCode } = yield* runCommand(yield* unpackedLayer, ["--version"], {
        AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1"
      })
      assert.strictEqual(exitCode, 0)
    }))
})
