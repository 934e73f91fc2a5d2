/** An unpacked layer in an emulated Lambda that has the environment AWS documents and nothing else. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { LambdaEmulator } from "../../../src/testing/LambdaEmulator.ts"
import type { LambdaEmulatorOptions, OutputLine } from "../../../src/testing/LambdaEmulator.ts"
import { OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { ledgerOf, sidesOf, workingSettings } from "../../integration/sandbox.ts"
import type { OwnLine } from "../../integration/sandbox.ts"
import { bashAsSh } from "./shells.ts"

/** What differs from an ordinary function. */
export interface LayerOptions extends Partial<Omit<LambdaEmulatorOptions, "extensionsDirectory" | "runtime">> {
  /** Has the launcher of the nodejs flavour run by bash as `sh`, as on Lambda's images; by this machine's `sh` otherwise. */
  readonly isBash?: boolean
  /** How the extension is to call OpenObserve's machine; by its address when absent. */
  readonly host?: string
  /** Puts files into the copy of the layer before it starts. */
  readonly prepare?: (opt: string) => void
}

/** What a test gets to see. */
export interface RunningLayer {
  readonly emulator: LambdaEmulator["Service"]
  readonly openObserve: OpenObserveDouble["Service"]
}

/** A function of an OS-only runtime: one line a call. */
const BOOTSTRAP = `#!/bin/sh
exec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(import.meta.dirname, "bootstrap.mjs"))}
`

/** Runs a test with the layer in a directory of its own. */
export const withLayer = <A, E>(
  opt: string,
  { environment = {}, host = "127.0.0.1", isBash = false, prepare, ...options }: LayerOptions,
  test: (layer: RunningLayer) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "o2-opt-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
    )
    cpSync(opt, directory, { recursive: true })
    const launcher = join(directory, "extensions", "o2-lambda-extension")
    if (isBash) {
      symlinkSync(bashAsSh.file, join(directory, "sh"))
      writeFileSync(launcher, readFileSync(launcher, "utf8").replace("#!/bin/sh", `#!${directory}/sh`))
    }
    writeFileSync(join(directory, "bootstrap"), BOOTSTRAP, { mode: 0o755 })
    prepare?.(directory)
    const openObserve = Context.get(yield* Layer.build(OpenObserveDouble.layer()), OpenObserveDouble)
    const emulated = yield* Layer.build(LambdaEmulator.layer({
      extensionsDirectory: join(directory, "extensions"),
      runtime: { _tag: "Bootstrap", file: join(directory, "bootstrap") },
      resolveSandboxHost: "never",
      // the emulator's own work on shared cores must not count as the function's
      timeoutMs: 20_000,
      ...options,
      environment: {
        ...workingSettings(openObserve),
        O2_ENDPOINT: openObserve.url.replace("127.0.0.1", host),
        ...environment
      }
    }))
    return yield* test({ emulator: Context.get(emulated, LambdaEmulator), openObserve })
  }).pipe(Effect.scoped)

/** What the extension has logged, parsed. */
export const ownLinesOf = (output: ReadonlyArray<OutputLine>) =>
  output.filter(({ source }) => source !== "runtime").map(({ line }) => JSON.parse(line) as OwnLine)

/** Start, two calls and the end: everything is delivered once and the books balance. */
export const assertDelivers = Effect.fnUntraced(function*({ emulator, openObserve }: RunningLayer) {
  for (let call = 0; call < 2; call++) {
    const { status } = yield* emulator.invoke({ call })
    assert.strictEqual(status, "success")
  }
  const { extensions } = yield* emulator.shutdown()
  const output = yield* emulator.output
  assert.deepStrictEqual(
    extensions.map(({ exitCode, killed }) => ({ exitCode, killed })),
    [{ exitCode: 0, killed: false }],
    output.map(({ line }) => line).join("\n")
  )
  const registrations = (yield* emulator.calls).filter(({ path }) => path.endsWith("/register"))
  assert.deepStrictEqual(registrations.map(({ status }) => status), [200])
  const records = yield* openObserve.records("default")
  const lines = records.filter(({ type }) => type === "function").map(({ record }) => record)
  assert.deepStrictEqual(lines, [0, 1].map((call) => `call {"call":${call}}\n`))
  assert.strictEqual(records.filter(({ type }) => type === "platform.report").length, 2)
  const ledger = ledgerOf(ownLinesOf(output))
  const { came, went } = sidesOf(ledger)
  assert.strictEqual(came, went)
  assert.strictEqual(ledger["delivered"], records.length)
  // what a healthy run says, and nothing that an engine adds
  assert.deepStrictEqual(output.filter(({ source, stream }) => source !== "runtime" && stream === "stderr"), [])
  return records
})
