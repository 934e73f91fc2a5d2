/** Arranges an emulated environment out of the fixtures: a directory with extensions, a function, a PATH with node. */
import * as Effect from "effect/Effect"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { LambdaEmulator } from "../../src/testing/LambdaEmulator.ts"
import type { LambdaEmulatorOptions } from "../../src/testing/LambdaEmulator.ts"

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "..", "support", "fixtures", "lambda")

/** A function whose payload says what it does. */
export const handlerFile = join(fixtures, "handler.mjs")

/** Real processes on shared cores; far above what a test takes, in ms. */
export const patience = 30_000

/** What one test wants to differ from a shipper that subscribes and a function that does nothing. */
export interface SandboxOptions extends Partial<Omit<LambdaEmulatorOptions, "extensionsDirectory">> {
  /** Names of copies of the fixture extension. */
  readonly shippers?: ReadonlyArray<string>
  /** Settings of the fixture extension. */
  readonly shipper?: Readonly<Record<string, unknown>>
  /** Further files of the extensions directory, executable, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Their modes, where they are not executable by all. */
  readonly modes?: Readonly<Record<string, number>>
  /** Further executable files of what the extensions see as `/opt`, by path. */
  readonly optFiles?: Readonly<Record<string, string>>
  /** The text of a bootstrap, instead of the fixture handler. */
  readonly bootstrap?: string
}

/** Runs a test against an emulated environment of its own. */
export const withEmulator = <A, E>(
  { bootstrap, files = {}, modes = {}, optFiles, shipper = { subscription: {} }, shippers = ["shipper"], ...options }:
    SandboxOptions,
  test: (emulator: LambdaEmulator["Service"]) => Effect.Effect<A, E>
) =>
  Effect.scoped(Effect.gen(function*() {
    const root = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "lambda-sandbox-"))),
      (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
    )
    const extensionsDirectory = join(root, "extensions")
    mkdirSync(extensionsDirectory)
    for (const name of shippers) copyFileSync(join(fixtures, "shipper"), join(extensionsDirectory, name))
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(extensionsDirectory, name), text, { mode: modes[name] ?? 0o755 })
    }
    for (const [path, text] of Object.entries(optFiles ?? {})) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text, { mode: 0o755 })
    }
    const bootstrapFile = join(root, "bootstrap")
    if (bootstrap !== undefined) writeFileSync(bootstrapFile, bootstrap, { mode: 0o755 })
    const layer = LambdaEmulator.layer({
      extensionsDirectory,
      runtime: bootstrap === undefined
        ? { _tag: "Handler", file: handlerFile }
        : { _tag: "Bootstrap", file: bootstrapFile },
      resolveSandboxHost: "never",
      ...(optFiles === undefined ? {} : { optDirectory: root }),
      path: `${dirname(process.execPath)}:/usr/bin:/bin`,
      ...options,
      environment: { SHIPPER: JSON.stringify(shipper), ...options.environment }
    })
    return yield* Effect.flatMap(LambdaEmulator, test).pipe(Effect.provide(layer))
  }))

/** The JSON lines that a fixture extension has printed, as far as they have a certain member. */
export const printed = (emulator: LambdaEmulator["Service"], member: string, source = "shipper") =>
  Effect.map(emulator.output, (lines) =>
    lines
      .filter((line) => line.source === source && line.line.startsWith("{"))
      .map(({ line }) => JSON.parse(line) as Record<string, unknown>)
      .filter((value) => member in value))

/** The events that the fixture extension has received, in order. */
export const received = (emulator: LambdaEmulator["Service"], source = "shipper") =>
  Effect.map(
    printed(emulator, "events", source),
    (posts) =>
      posts.flatMap(({ events }) => events as ReadonlyArray<{ readonly type: string; readonly record: unknown }>)
  )

/** Polls a fact every 10 ms; fails as the test's time-out when it never becomes true. */
export const eventually = <A>(effect: Effect.Effect<A>, isMet: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function*() {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const value = yield* effect
      if (isMet(value)) return value
      yield* Effect.sleep(10)
    }
    return yield* Effect.die(new Error("did not become true within 10 seconds"))
  })
