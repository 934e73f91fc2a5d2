/** Arranges a conformance test: the emulator around the built layer, and an OpenObserve for it to send to. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inject } from "vitest"
import type { StoredRecord } from "../../src/testing/OpenObserveDouble.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { emulate, type Emulation } from "./emulation.ts"
import type { EmulationOptions } from "./sandboxProcess.ts"

const availability = inject("conformance")

/** Describes tests that need the emulator: skipped with the reason where it cannot run, failed in CI. */
export const describeConformance = (name: string, tests: () => void): void => {
  if (!("missing" in availability)) describe(name, tests)
  else if (process.env["CI"] === "true") describe(name, () => it("can run", () => assert.fail(availability.missing)))
  else describe.skip(`${name} (skipped: ${availability.missing})`, tests)
}

// --- The sandbox -------------------------------------------------------------

/** What the function does, in this order. */
interface Payload {
  /** Written to stdout as they are. */
  readonly lines?: ReadonlyArray<string>
  /** Written by the runtime's logger: text on-demand with Python, else JSON with the request id. */
  readonly log?: ReadonlyArray<string>
  /** A file that is created in `/tmp`. */
  readonly signal?: string
  /** A file in `/tmp` that is waited for. */
  readonly until?: string
  readonly sleepMs?: number
  /** Written to stdout after all that waiting. */
  readonly after?: ReadonlyArray<string>
  /** The exit code with which the whole runtime ends; Node.js only. */
  readonly exits?: number
  readonly throws?: string
}

/** One of the extension's own log lines. */
interface OwnLine {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** A running emulator, and what a test asks about the extension in it. */
interface Sandbox extends Omit<Emulation, "invoke" | "ready"> {
  readonly invoke: (payload: Payload, requestId?: string) => ReturnType<Emulation["invoke"]>
  /** All that OpenObserve holds, in order. */
  readonly stored: Effect.Effect<ReadonlyArray<StoredRecord>>
  /** Has OpenObserve answer so many ms later. */
  readonly setLatency: (millis: number) => Effect.Effect<void>
  /** What the extension has logged. */
  readonly ownLines: Effect.Effect<ReadonlyArray<OwnLine>>
}

/** What a test wants to differ; on Lambda's images `/bin/sh` is bash. */
type SandboxOptions = Pick<EmulationOptions, "mode" | "runtime"> & Partial<EmulationOptions>

/** Seconds; far above what any invocation of these tests takes. */
const TIMEOUT_SECONDS = 30

/** Runs a test in a sandbox of its own that can be invoked. */
export const withSandbox = <A, E>(options: SandboxOptions, test: (sandbox: Sandbox) => Effect.Effect<A, E>) =>
  withStartingSandbox(options, (sandbox, ready) => Effect.andThen(ready, test(sandbox)))

/** Runs a test in a sandbox of its own that is only just starting, and may fail to. */
export const withStartingSandbox = <A, E>(
  options: SandboxOptions,
  test: (sandbox: Sandbox, ready: Effect.Effect<void>) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    for (let attempt = 1;; attempt++) {
      const { exit, output } = yield* attemptIn(options, test)
      if (exit._tag === "Success") return exit.value
      if (attempt < ATTEMPTS && output.some((line) => line.includes(DROPPED))) continue
      process.stderr.write(`${output.join("\n")}\n`)
      return yield* Effect.failCause(exit.cause)
    }
  })

/**
 * The emulator throws a batch away when the one before has not been answered yet, which takes 25 ms on a busy machine, and
 * sometimes never ends after that. Lambda has a queue there. It says so, and such a run tells nothing.
 */
const DROPPED = "could not send batch to telemetry Subscriber"
const ATTEMPTS = 3

const attemptIn = <A, E>(
  options: SandboxOptions,
  test: (sandbox: Sandbox, ready: Effect.Effect<void>) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    if ("missing" in availability) return yield* Effect.die(new Error(availability.missing))
    const double = Context.get(yield* Layer.build(OpenObserveDouble.layer()), OpenObserveDouble)
    const { ready, ...emulation } = yield* emulate(availability.tools, {
      shell: "bash",
      timeoutSeconds: TIMEOUT_SECONDS,
      ...options,
      environment: {
        O2_ENDPOINT: double.url,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: double.authorization,
        ...options.environment
      }
    })
    const sandbox: Sandbox = {
      ...emulation,
      stored: double.records("default"),
      setLatency: double.setLatency,
      ownLines: Effect.map(emulation.output, ownLinesOf)
    }
    return { exit: yield* Effect.exit(test(sandbox, ready)), output: yield* emulation.output }
  }).pipe(Effect.scoped)

/** How each line of the extension begins; the emulator's own lines have no JSON. */
const OWN_LINE = /^\{"extension":"o2-lambda-extension",/

const ownLinesOf = (lines: ReadonlyArray<string>): ReadonlyArray<OwnLine> =>
  lines.filter((line) => OWN_LINE.test(line)).map((line) => JSON.parse(line) as OwnLine)

// --- What is expected --------------------------------------------------------

/** Function, shell pairs: both functions, both ways of registering. */
export const variants = [
  { runtime: "node", shell: "bash" },
  { runtime: "node", shell: "dash" },
  { runtime: "python", shell: "bash" }
] as const

/** Asserts that the launcher has registered exactly where the shell can open connections. */
export const assertRegisteredBy = (shell: "bash" | "dash", environment: ReadonlyArray<string>): void => {
  const handedOver = environment.filter((entry) => entry.startsWith("_O2LAMBDA_STATUS="))
  assert.deepStrictEqual(handedOver, shell === "bash" ? ["_O2LAMBDA_STATUS=200"] : [])
}

/** Asserts that the extension's last line closes its books with everything delivered. */
export const assertBalanced = (lines: ReadonlyArray<OwnLine>, reason: string, delivered: number): void => {
  const ledger = lines.at(-1)
  assert.include(ledger, { level: "info", message: "ledger", reason })
  assert.include(ledger, { received: delivered, delivered, malformed: 0, postsDropped: 0, possiblyDuplicated: 0 })
  assert.deepInclude(ledger, { rejected: {}, dropped: {} })
}
