/** How the standalone flavour registers, before its engine starts: what it sends, and every answer that there may be. */
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "@effect/vitest"
import { spawn } from "node:child_process"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { closedPort, listen } from "./support/rawApi.ts"
import type { RawRequest, Step } from "./support/rawApi.ts"
import { registration, registrationAnswers } from "./support/registrationAnswers.ts"
import { standalone, unpacked } from "./support/zips.ts"

/** Longer than any run takes on a busy machine, in ms; one that hangs is ended and has no exit code. */
const PATIENCE_MS = 20_000

/** Ends the program behind a registration. */
const refusal = ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]

describe("native registration", () => {
  let layer: ReturnType<typeof unpacked>
  beforeAll(() => {
    layer = unpacked(standalone)
  })
  afterAll(() => layer.remove())

  const run = async (
    answers: ReadonlyArray<ReadonlyArray<Step>>,
    { api, args = [], environment = {}, name = "o2-lambda-extension" }: {
      readonly api?: string
      readonly args?: ReadonlyArray<string>
      readonly environment?: Readonly<Record<string, string>>
      readonly name?: string
    } = {}
  ): Promise<
    { readonly exitCode: number | null; readonly requests: ReadonlyArray<RawRequest>; readonly cause: string }
  > => {
    const server = await listen(answers)
    onTestFinished(server.close)
    const child = spawn(join(layer.opt, "extensions", name), args, {
      // who calls a program may name it as he likes
      argv0: "something",
      env: {
        AWS_LAMBDA_RUNTIME_API: api ?? server.address,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: "Basic eDp5",
        O2_ENDPOINT: "http://127.0.0.1:1",
        ...environment
      },
      stdio: ["ignore", "pipe", "inherit"],
      timeout: PATIENCE_MS,
      killSignal: "SIGKILL"
    })
    let stdout = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk)
    const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve))
    const fatal = stdout.split("\n").find((line) => line.includes("\"fatal\""))
    return { exitCode, requests: server.requests, cause: fatal === undefined ? stdout : JSON.parse(fatal).cause }
  }

  const registrations = (requests: ReadonlyArray<RawRequest>) =>
    requests.filter(({ head }) => head.startsWith("POST /2020-01-01/extension/register "))

  it("sends what the launcher of the nodejs flavour sends", async () => {
    const { requests } = await run([refusal])
    const host = /\r\nHost: (\S+)\r\n/.exec(requests[0]!.head)?.[1]
    assert.deepStrictEqual(requests, [registration(host)])
  })

  it("asks Managed Instances for SHUTDOWN only", async () => {
    const { requests } = await run([refusal], {
      environment: { AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" }
    })
    assert.deepStrictEqual(requests.map(({ body }) => body), ["{\"events\":[\"SHUTDOWN\"]}"])
  })

  it("registers by the name of its file, whatever it is called", async () => {
    symlinkSync("o2-lambda-extension", join(layer.opt, "extensions", "another name"))
    const { requests } = await run([refusal], { name: "another name" })
    assert.match(requests[0]!.head, /\r\nLambda-Extension-Name: another name\r\n/)
  })

  it("believes nobody else that it has registered", async () => {
    const { requests } = await run([refusal], {
      environment: { _O2LAMBDA_STATUS: "200", _O2LAMBDA_IDENTIFIER: "forged", _O2LAMBDA_EXTENSION_NAME: "forged" }
    })
    assert.strictEqual(registrations(requests).length, 1)
    assert.notInclude(requests.map(({ head }) => head).join(), "forged")
  })

  it("does not register for a command", async () => {
    const { exitCode, requests } = await run([refusal], { args: ["--version"] })
    assert.deepStrictEqual([exitCode, requests], [0, []])
  })

  it.each(registrationAnswers)("makes of %s what is to be made of it", async (_, answer, expected) => {
    const { cause, exitCode, requests } = await run([answer, refusal])
    assert.strictEqual(exitCode, 1)
    // a second request would be refused and lose the identifier
    assert.strictEqual(registrations(requests).length, 1)
    if (expected.identifier !== "") {
      assert.match(
        requests[1]!.head,
        new RegExp(`^PUT /2022-07-01/telemetry .*identifier: ${expected.identifier}\r\n`, "is")
      )
    } else if (expected.status === "none") {
      assert.match(cause, /register.*the connection broke before there was an answer/)
    } else assert.include(cause, `${expected.status}${expected.answer === "" ? "" : `: ${expected.answer}`}`)
  })

  it("is registered by the head of an answer that breaks off", async () => {
    const answer = [
      "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id-1\r\nContent-Length: 99\r\n\r\n{\"a\":",
      50,
      "reset"
    ]
    const { requests } = await run([answer as ReadonlyArray<Step>, refusal])
    assert.strictEqual(registrations(requests).length, 1)
    assert.match(requests[1]!.head, /\r\nlambda-extension-identifier: id-1\r\n/i)
  })

  it.each([["garbage", "SSH-2.0-OpenSSH_9.2\r\n"], ["a great deal", "x".repeat(1_000_000)]])(
    "takes %s for no answer",
    async (_, bytes) => {
      const { cause, requests } = await run([[bytes, "end"]])
      assert.strictEqual(requests.length, 1)
      assert.match(cause, /register.*the connection broke before there was an answer/)
    }
  )

  it("leaves it to the program where nothing listens", async () => {
    const { cause, exitCode } = await run([], { api: `127.0.0.1:${await closedPort()}` })
    assert.strictEqual(exitCode, 1)
    assert.match(cause, /register.*nothing listens at 127\.0\.0\.1/)
  })

  it("leaves it to the program where the API has a name", async () => {
    const server = await listen([refusal])
    onTestFinished(server.close)
    await run([], { api: server.address.replace("127.0.0.1", "localhost") })
    assert.deepStrictEqual(server.requests.map(({ body }) => body), ["{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"])
  })
})
