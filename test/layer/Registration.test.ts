/** What the program makes of what the launcher hands it: every way in which registering can fail. */
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "@effect/vitest"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { opt, run } from "./support/launcher.ts"
import type { Opt, Run } from "./support/launcher.ts"
import { closedPort, listen } from "./support/rawApi.ts"
import type { RawRequest, Step } from "./support/rawApi.ts"
import { bashAsSh, others } from "./support/shells.ts"
import type { Shell } from "./support/shells.ts"
import { fileOf, list, unpacked, zipOf } from "./support/zips.ts"

const settings = {
  O2_ORGANIZATION_ID: "default",
  O2_AUTHORIZATION_HEADER: "Basic eA==",
  O2_ENDPOINT: "http://127.0.0.1:1"
}

/** Waits for a file, in ms and steps; far more than it takes. */
const WAIT_STEPS = 1000
const WAIT_STEP_MS = 10

describe("registration by the shell, reported by the program", () => {
  let layer: ReturnType<typeof unpacked>
  beforeAll(() => {
    layer = unpacked("nodejs")
  })
  afterAll(() => layer.remove())

  /** The real program with a `node` that is a script. */
  const realProgram = (node: string): Opt => {
    const directory = opt()
    onTestFinished(directory.remove)
    for (const { path } of list(zipOf("nodejs"))) {
      if (path.endsWith(".cjs")) directory.write(path, fileOf(layer.opt, path).toString("utf8"))
    }
    writeFileSync(join(directory.bin, "node"), `#!/bin/sh\n${node}\n`, { mode: 0o755 })
    return directory
  }

  const runProgram = async (
    shell: Shell,
    answers: ReadonlyArray<ReadonlyArray<Step>>
  ): Promise<Run & { readonly requests: ReadonlyArray<RawRequest> }> => {
    const api = await listen(answers)
    onTestFinished(api.close)
    const result = await run(shell, realProgram(`exec '${process.execPath}' "$@"`), {
      environment: { AWS_LAMBDA_RUNTIME_API: api.address, ...settings }
    })
    return { ...result, requests: api.requests }
  }

  const fatal = ({ stdout }: Run): Record<string, unknown> => {
    const lines = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
    const found = lines.filter(({ level }) => level === "fatal")
    assert.strictEqual(found.length, 1, stdout)
    return found[0]
  }

  const refusal = "{\"errorMessage\":\"not in init\",\"errorType\":\"Extension.InvalidState\"}"
  const failures: ReadonlyArray<[what: string, answer: ReadonlyArray<Step>, cause: RegExp]> = [
    [
      "a refusal",
      [`HTTP/1.1 403 Forbidden\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`],
      /register.*403.*not in init/
    ],
    [
      "a server's error",
      ["HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"],
      /register.*500.*oops/
    ],
    ["a reset before the answer", ["reset"], /register.*the connection broke before there was an answer/],
    [
      "an answer without an identifier",
      ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
      /register.*no Lambda-Extension-Identifier/
    ]
  ]
  it.each(failures)("says what became of it: %s", async (_, answer, cause) => {
    const result = await runProgram(bashAsSh, [answer])
    assert.strictEqual(result.exitCode, 1)
    assert.match(String(fatal(result)["cause"]), cause)
    assert.strictEqual(result.requests.filter(({ head }) => head.includes("/register")).length, 1)
  })

  it.each(others)("says what became of it where the program registers: $title", async (shell) => {
    const result = await runProgram(shell, [failures[0]![1]])
    assert.strictEqual(result.exitCode, 1)
    assert.match(String(fatal(result)["cause"]), failures[0]![2])
    assert.deepStrictEqual(result.requests.map(({ body }) => body), ["{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"])
    assert.match(result.requests[0]!.head, /\r\nlambda-extension-name: o2-lambda-extension(\r\n|$)/i)
  })

  it("registers by the program when the shell's connection was refused", async () => {
    const port = await closedPort()
    // the engine starts when the shell has given up, and waits until somebody listens
    const directory = realProgram([
      ": > \"$0.started\"",
      "while [ ! -e \"$0.go\" ]; do read -r line < /dev/null; done",
      `exec '${process.execPath}' "$@"`
    ].join("\n"))
    const node = join(directory.bin, "node")
    const running = run(bashAsSh, directory, {
      environment: { AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, ...settings }
    })
    for (let step = 0; step < WAIT_STEPS && !existsSync(`${node}.started`); step++) await sleep(WAIT_STEP_MS)
    const api = await listen([failures[0]![1]], port)
    onTestFinished(api.close)
    writeFileSync(`${node}.go`, "")
    const result = await running
    assert.deepStrictEqual(api.requests.map(({ body }) => body), ["{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"])
    assert.match(String(fatal(result)["cause"]), failures[0]![2])
  })

  it("says that nothing listens when the program cannot register either", async () => {
    const port = await closedPort()
    const result = await run(bashAsSh, realProgram(`exec '${process.execPath}' "$@"`), {
      environment: { AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, ...settings }
    })
    assert.strictEqual(result.exitCode, 1)
    assert.match(String(fatal(result)["cause"]), /register.*nothing listens at 127\.0\.0\.1/)
  })
})
