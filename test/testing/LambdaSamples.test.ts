/** Extensions in the manner of AWS's samples, which bind sandbox.localdomain, as they are. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { extensionMounts } from "../../src/testing/lambda/ExtensionMounts.ts"
import { patience, withEmulator } from "./lambdaSandbox.ts"

const samples = join(dirname(fileURLToPath(import.meta.url)), "..", "support", "fixtures", "samples")
const sample = (name: string) => readFileSync(join(samples, name), "utf8")

/** Where neither the machine knows the name nor the system lets a process have an own file of names. */
const own = await extensionMounts({ resolveSandboxHost: "auto", optDirectory: undefined })
await own.close()
const isResolvable = own.hint === undefined
const isKnown = isResolvable && own.prefix.length === 0

/** As AWS's samples have it: what is executed lies elsewhere below /opt, and is named like the extension. */
const launcher = `#!/bin/bash
set -euo pipefail
LAMBDA_EXTENSION_NAME="$(basename "$0")"
echo "$0 launching"
exec "/opt/\${LAMBDA_EXTENSION_NAME}/extension"
`

const options = (...names: ReadonlyArray<string>) => ({
  resolveSandboxHost: "auto" as const,
  shippers: [],
  timeoutMs: 20_000,
  files: Object.fromEntries(names.map((name) => [name, sample(name)]))
})

describe.skipIf(!isResolvable)("AWS's samples", () => {
  for (const name of ["python-telemetry", "nodejs-telemetry"]) {
    it.live(
      `${name} listens at sandbox.localdomain and gets its telemetry`,
      () =>
        withEmulator(options(name), (emulator) =>
          Effect.gen(function*() {
            yield* emulator.invoke({ do: "log" })
            yield* emulator.awaitOutput("subscribed", { source: name })
            const { outcome, requestId } = yield* emulator.invoke({})
            assert.strictEqual(outcome._tag, "Response")
            const { extensions: [exit] } = yield* emulator.shutdown()
            assert.deepInclude(exit, { name, exitCode: 0, killed: false })
            const done = yield* emulator.awaitEvent("platform.runtimeDone", { requestId, subscriber: name })
            assert.deepInclude(done.record, { status: "success" })
            yield* emulator.awaitOutput(`[${name}] received SHUTDOWN`)
            yield* emulator.awaitOutput(/(dispatched|flushed) .*platform\.report/, { source: name })
          })),
      patience
    )
  }

  it.live(
    "bash-polling goes through freezes, its background process included, and knows the name",
    () =>
      withEmulator(options("bash-polling"), (emulator) =>
        Effect.gen(function*() {
          const { startedAt: first } = yield* emulator.invoke({})
          yield* emulator.invoke({})
          const { extensions: [exit] } = yield* emulator.shutdown()
          assert.deepInclude(exit, { exitCode: 0, killed: false })
          const lines = (yield* emulator.output).filter(({ source }) => source === "bash-polling")
          assert.match(lines[0]?.line ?? "", /launching, sandbox\.localdomain is 127\./)
          assert.lengthOf(lines.filter(({ line }) => line.endsWith("received INVOKE")), 2)
          assert.isTrue(lines.some(({ at, line }) => at > first && line.endsWith("received SHUTDOWN, leaving")))
        })),
    patience
  )

  it.live.skipIf(isKnown)(
    "a launcher finds the rest of its extension in /opt",
    () =>
      withEmulator({
        ...options(),
        files: { "bash-polling": launcher },
        optFiles: {
          "bash-polling/extension": sample("bash-polling").replaceAll(
            "basename \"$0\"",
            "basename \"$(dirname \"$0\")\""
          )
        }
      }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          const { extensions } = yield* emulator.shutdown()
          assert.deepInclude(extensions[0], { name: "bash-polling", exitCode: 0 })
          const [first] = yield* emulator.output
          assert.strictEqual(first?.line, "/opt/extensions/bash-polling launching")
        })),
    patience
  )

  it.live(
    "changes neither the process nor its environment",
    () => {
      const files = {
        plain: "#!/bin/sh\necho \"$$ $(ps -o pgid= -p $$) $(id -u) $(pwd) $0\"\nexec env\n"
      }
      const seen = (resolveSandboxHost: "auto" | "never") =>
        withEmulator(
          { shippers: [], files, resolveSandboxHost, temporaryDirectory: "/tmp" },
          (emulator) =>
            Effect.gen(function*() {
              // it never registers, and that is the end of it
              yield* Effect.ignore(emulator.start)
              const [extension] = yield* emulator.extensions
              const output = (yield* emulator.output).map(({ line }) => line)
              const [pid, group, user, directory, file] = (output[0] ?? "").split(/ +/)
              assert.strictEqual(Number(pid), extension?.pid)
              assert.strictEqual(group, pid)
              assert.strictEqual(file?.endsWith("/extensions/plain"), true)
              return [user, directory, ...output.slice(1).filter((line) => !line.startsWith("AWS_LAMBDA_RUNTIME_API"))]
            })
        )
      return Effect.gen(function*() {
        assert.deepStrictEqual(yield* seen("auto"), yield* seen("never"))
      })
    },
    patience
  )

  for (
    const [what, text, mode] of [["without permission", "#!/bin/sh\n", 0o644], [
      "of a bad interpreter",
      "#!/none\n",
      0o755
    ]] as const
  ) {
    it.live(
      `refuses a file ${what} as ever`,
      () => {
        const failure = (resolveSandboxHost: "auto" | "never") =>
          withEmulator(
            { shippers: [], files: { odd: text }, modes: { odd: mode }, resolveSandboxHost },
            (emulator) =>
              Effect.gen(function*() {
                yield* Effect.ignore(emulator.start)
                const errors = (yield* emulator.events).filter(({ type }) => type === "platform.extension")
                return errors.map(({ record }) => record)
              })
          )
        return Effect.gen(function*() {
          assert.deepStrictEqual(yield* failure("auto"), yield* failure("never"))
        })
      },
      patience
    )
  }
})

it.live(
  "says so at once when there is nothing to show as /opt",
  () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(withEmulator({ optDirectory: "/does/not/exist" }, () => Effect.void))
      assert.include(error.message, "/does/not/exist cannot be shown to the extensions as /opt")
    }),
  patience
)

it.live.skipIf(isKnown)(
  "says what to do where the name is not known",
  () =>
    withEmulator({ ...options("nodejs-telemetry"), resolveSandboxHost: "never" }, (emulator) =>
      Effect.gen(function*() {
        const { problem } = yield* Effect.flip(emulator.start)
        assert.include(problem, "ENOTFOUND")
        assert.include(problem, "add \"127.0.0.1 sandbox.localdomain sandbox\" to /etc/hosts")
      })),
  patience
)
