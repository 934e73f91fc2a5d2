/**
 * Arranges what the built artefact runs in: `dist/layer` unpacked as Lambda does, an emulated Lambda around it and an
 * OpenObserve to send to. Everything ends with the test's scope.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { LambdaEmulator } from "../../src/testing/LambdaEmulator.ts"
import type { Invocation, LambdaEmulatorOptions, OutputLine } from "../../src/testing/LambdaEmulator.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import type { OpenObserveDoubleOptions, ReceivedRequest, StoredRecord } from "../../src/testing/OpenObserveDouble.ts"
import { isNative } from "../support/isNative.ts"
import { bootstrapSource, functionSource } from "./functions.ts"
import type { Payload } from "./functions.ts"

/** What stands for `/opt`: as `npm run build` leaves it, or a layer's zip unpacked elsewhere. */
const built = process.env["O2_TEST_LAYER"] ?? fileURLToPath(new URL("../../dist/layer", import.meta.url))

/** The name of the executable in `/opt/extensions`. */
export const NAME = "o2-lambda-extension"

/** `PATH` of the emulated processes, such that the Node.js of this test run is found first. */
const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`

// --- The sandbox -------------------------------------------------------------

/** What one test wants to differ from a healthy sandbox. */
export interface SandboxOptions
  extends Partial<Omit<LambdaEmulatorOptions, "extensionsDirectory" | "environment" | "runtime">>
{
  /** `bare`: a shell script that answers and writes one line, for what would break a Node.js function. */
  readonly runtime?: "node" | "bare"
  /** First line of the launcher, where there is one; Lambda's `sh` is bash, this machine's may not be. */
  readonly shebang?: string
  /** Variables of the function besides or instead of the working settings; `undefined` leaves one out. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly openObserve?: OpenObserveDoubleOptions
}

/** A running sandbox and what a test asks of it. */
export interface Sandbox {
  readonly emulator: LambdaEmulator["Service"]
  readonly openObserve: OpenObserveDouble["Service"]
  readonly invoke: (payload: Payload) => Effect.Effect<Invocation>
  /** The records of function lines in the default stream, in order. */
  readonly functionRecords: Effect.Effect<ReadonlyArray<StoredRecord>>
  /** The texts of these records. */
  readonly functionLines: Effect.Effect<ReadonlyArray<string>>
  /** What the extension itself has logged, parsed. */
  readonly ownLines: Effect.Effect<ReadonlyArray<OwnLine>>
  /** All that the processes have written, as one text. */
  readonly allOutput: Effect.Effect<string>
}

/** One of the extension's own log lines. */
export interface OwnLine {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** Settings with which the extension reaches the double. */
export const workingSettings = (openObserve: OpenObserveDouble["Service"]): Record<string, string> => ({
  O2_ENDPOINT: openObserve.url,
  O2_ORGANIZATION_ID: "default",
  O2_AUTHORIZATION_HEADER: openObserve.authorization
})

/** A directory of this test alone, with a space in its path. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => {
    const root = join(mkdtempSync(join(tmpdir(), "o2-sandbox-")), "with space")
    mkdirSync(root)
    return root
  }),
  (root) => Effect.sync(() => rmSync(dirname(root), { recursive: true, force: true }))
)

/** The layer unpacked into a directory of its own; answers with what stands for `/opt`. */
export const unpackedLayer = Effect.gen(function*() {
  if (!existsSync(join(built, "extensions", NAME))) {
    return yield* Effect.die(new Error("dist/layer is not built: run `npm run build` first"))
  }
  const opt = yield* temporaryDirectory
  cpSync(built, opt, { recursive: true, filter: (from, to) => !linked(from, to) })
  return opt
})

/** From this size on a file is not worth copying for each test: the executable of the standalone layer. */
const LEAST_LINKED_BYTES = 1024 * 1024

/** Links a large file instead of having it copied; false for the others, and where the two are on different disks. */
const linked = (from: string, to: string): boolean => {
  const { size } = statSync(from)
  if (size < LEAST_LINKED_BYTES) return false
  try {
    linkSync(from, to)
    return true
  } catch {
    return false
  }
}

/** Runs a test in a sandbox of its own. */
export const withSandbox = <A, E>(
  { environment = {}, openObserve = {}, runtime = "node", shebang, ...options }: SandboxOptions,
  test: (sandbox: Sandbox) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const opt = yield* unpackedLayer
    const handler = join(opt, "function.mjs")
    writeFileSync(handler, functionSource)
    const bootstrap = join(opt, "bootstrap")
    writeFileSync(bootstrap, bootstrapSource, { mode: 0o755 })
    const launcher = join(opt, "extensions", NAME)
    if (shebang !== undefined && !isNative(launcher)) {
      writeFileSync(launcher, readFileSync(launcher, "utf8").replace(/^#!.*/, shebang))
    }
    const services = yield* Layer.build(OpenObserveDouble.layer(openObserve))
    const double = Context.get(services, OpenObserveDouble)
    const variables = Object.entries({ ...workingSettings(double), ...environment })
    const emulated = yield* Layer.build(LambdaEmulator.layer({
      extensionsDirectory: join(opt, "extensions"),
      runtime: runtime === "node" ? { _tag: "Handler", file: handler } : { _tag: "Bootstrap", file: bootstrap },
      path: PATH,
      // our extension does not need the name, and thousands of starts shall not pay for it
      resolveSandboxHost: "never",
      // the emulator's own work on shared cores must not count as the function's
      timeoutMs: 20_000,
      ...options,
      environment: Object.fromEntries(
        variables.filter((entry): entry is [string, string] => entry[1] !== undefined)
      )
    }))
    return yield* test(sandboxOf(Context.get(emulated, LambdaEmulator), double))
  }).pipe(Effect.scoped)

const sandboxOf = (emulator: LambdaEmulator["Service"], openObserve: OpenObserveDouble["Service"]): Sandbox => {
  const functionRecords = Effect.map(
    openObserve.records("default"),
    (records) => records.filter(({ type }) => type === "function")
  )
  return {
    emulator,
    openObserve,
    invoke: (payload) => Effect.orDie(emulator.invoke(payload)),
    functionRecords,
    functionLines: Effect.map(functionRecords, (records) => records.map(({ record }) => String(record))),
    ownLines: Effect.map(emulator.output, ownLinesOf),
    allOutput: Effect.map(emulator.output, (lines) => lines.map(({ line }) => line).join("\n"))
  }
}

/** The lines that the extension has logged, parsed. */
const ownLinesOf = (output: ReadonlyArray<OutputLine>): ReadonlyArray<OwnLine> =>
  output
    .filter(({ line, source }) => source === NAME && line.startsWith("{"))
    .map(({ line }) => JSON.parse(line) as OwnLine)

/** The books that the extension has logged at its end; the last ones when there were several ends. */
export const ledgerOf = (lines: ReadonlyArray<OwnLine>): Record<string, any> => {
  const ledger = lines.findLast(({ message }) => message === "ledger")
  if (ledger === undefined) throw new Error(`no ledger was logged, only ${JSON.stringify(lines)}`)
  return ledger
}

const sum = (byReason: Readonly<Record<string, number>>): number =>
  Object.values(byReason).reduce((total, count) => total + count, 0)

/** The two sides of the ledger: what came and where it is. */
export const sidesOf = (ledger: Record<string, any>): { readonly came: number; readonly went: number } => ({
  came: ledger["received"] + ledger["replayed"],
  went: ledger["delivered"] + sum(ledger["rejected"]) + sum(ledger["dropped"]) + ledger["spilled"] +
    ledger["buffered"] + ledger["inFlight"]
})

/** Requests that carried records, as opposed to the empty ones that only ask. */
export const carrying = (requests: ReadonlyArray<ReceivedRequest>): ReadonlyArray<ReceivedRequest> =>
  // `[]`; the body itself is not known where the server did not read it
  requests.filter(({ headers }) => headers["content-length"] !== "2")

/** The records that a request carried. */
export const recordsOf = (request: ReceivedRequest): ReadonlyArray<Record<string, unknown>> =>
  JSON.parse(Buffer.from(request.body).toString("utf8"))

/** Where the extension listens, and the path there that it has told Lambda. */
export interface Address {
  readonly port: number
  readonly path: string
}

export const telemetryAddress = ({ emulator }: Pick<Sandbox, "emulator">): Effect.Effect<Address> =>
  Effect.map(emulator.calls, (calls) => {
    const subscription = calls.find(({ path }) => path.endsWith("/telemetry"))
    const [, port, path] = /sandbox\.localdomain:(\d+)([^"]*)/.exec(subscription?.body ?? "") ?? []
    if (port === undefined || path === undefined) throw new Error("the extension has not subscribed")
    return { port: Number(port), path }
  })

// --- Commands ----------------------------------------------------------------

/** What came of a command. */
export interface CommandResult {
  readonly exitCode: number | null
  readonly stdout: ReadonlyArray<string>
  readonly stderr: string
}

/** Runs the launcher as a person would, with nothing in the environment but `PATH` and what is given. */
export const runCommand = (
  opt: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<CommandResult> =>
  Effect.callback((resume) => {
    const child = spawn(join(opt, "extensions", NAME), args, {
      env: { PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk)
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk)
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("close", (exitCode) =>
      resume(Effect.succeed({ exitCode, stdout: stdout.split("\n").filter((line) => line !== ""), stderr })))
    return Effect.sync(() => {
      if (child.pid !== undefined && child.exitCode === null) {
        process.kill(-child.pid, "SIGKILL")
      }
    })
  })

// --- Waiting -----------------------------------------------------------------

/** Polls a fact every 10 ms; dies with what it saw last when it does not become true within 20 s. */
export const eventually = <A>(effect: Effect.Effect<A>, isMet: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function*() {
    let value = yield* effect
    for (let attempt = 0; attempt < 2000 && !isMet(value); attempt++) {
      yield* Effect.sleep(10)
      value = yield* effect
    }
    return isMet(value) ? value : yield* Effect.die(new Error(`did not become true: ${JSON.stringify(value)}`))
  })
