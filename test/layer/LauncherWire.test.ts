/** How the launcher registers: what it sends, and every answer that there may be, under every shell that `sh` may be. */
import { assert, describe, it } from "@effect/vitest"
import { accepted, ANSWER, handedOver, launch } from "./support/launch.ts"
import type { Step } from "./support/rawApi.ts"
import { registration, registrationAnswers } from "./support/registrationAnswers.ts"
import { bashes, others } from "./support/shells.ts"

describe.each(bashes)("launcher under $title", (shell) => {
  it("registers before the engine starts, and hands identifier and answer over", async () => {
    const result = await launch(shell)
    const host = result.engine?.environment["AWS_LAMBDA_RUNTIME_API"]
    assert.deepStrictEqual(result.requests, [registration(host)])
    assert.deepStrictEqual(handedOver(result), { status: "200", identifier: "id-1", answer: ANSWER })
    assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
  })

  it("asks Managed Instances for SHUTDOWN only", async () => {
    const { requests } = await launch(shell, {
      environment: { AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" }
    })
    assert.deepStrictEqual(requests.map(({ body }) => body), ["{\"events\":[\"SHUTDOWN\"]}"])
  })

  it.each(registrationAnswers)("hands on %s", async (_, answer, expected) => {
    const result = await launch(shell, { answers: [answer] })
    assert.deepStrictEqual(handedOver(result), expected)
    // a second request would be refused and lose the identifier
    assert.strictEqual(result.requests.length, 1)
    assert.deepStrictEqual([result.stdout, result.stderr], ["", ""])
  })

  it("hands on what came before a reset", async () => {
    const head = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id-1\r\n"
    const answer: ReadonlyArray<Step> = [`${head}Content-Length: 99\r\n\r\n{"a":`, 50, "reset"]
    const result = await launch(shell, { answers: [answer] })
    const { identifier, status } = handedOver(result)
    assert.deepStrictEqual({ identifier, status }, { identifier: "id-1", status: "200" })
    assert.deepStrictEqual([result.requests.length, result.stdout, result.stderr], [1, "", ""])
  })

  it("reports init/error and says one line where there is no engine", async () => {
    const { engine, exitCode, requests, stderr, stdout } = await launch(shell, {
      layout: { hasNode: false },
      answers: [accepted, ["HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"]]
    })
    assert.isUndefined(engine)
    assert.strictEqual(exitCode, 1)
    const { level, message } = JSON.parse(stdout) as { readonly level: string; readonly message: string }
    assert.strictEqual(level, "fatal")
    assert.match(message, /no Node\.js .* attach the standalone layer/)
    assert.strictEqual(stderr, "")
    assert.strictEqual(requests.length, 2)
    assert.match(requests[1]!.head, /^POST \/2020-01-01\/extension\/init\/error HTTP\/1\.1\r\n/)
    assert.match(requests[1]!.head, /\r\nLambda-Extension-Identifier: id-1\r\n/)
    assert.match(requests[1]!.head, /\r\nLambda-Extension-Function-Error-Type: Extension\.NoEngine\r\n/)
    assert.deepStrictEqual(JSON.parse(requests[1]!.body), { errorMessage: message, errorType: "Extension.NoEngine" })
  })

  it("keeps the function alive where there is no engine, if that is asked for", async () => {
    const event = (type: string): ReadonlyArray<Step> => {
      const body = JSON.stringify({ eventType: type, deadlineMs: 1 })
      return [50, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`]
    }
    const { exitCode, requests, stderr, stdout } = await launch(shell, {
      layout: { hasNode: false },
      environment: { O2_ON_CONFIG_ERROR: " Pass-Through\r\n" },
      answers: [
        accepted,
        event("INVOKE"),
        ["reset"],
        ["HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"],
        event("INVOKE"),
        event("SHUTDOWN")
      ]
    })
    assert.deepStrictEqual([exitCode, stderr], [0, ""])
    const { level, message } = JSON.parse(stdout) as { readonly level: string; readonly message: string }
    assert.strictEqual(level, "error")
    assert.match(message, /no Node\.js .* attach the standalone layer instead; the function runs without its logs/)
    assert.strictEqual(requests.length, 6)
    for (const { head } of requests.slice(1)) {
      assert.match(head, /^GET \/2020-01-01\/extension\/event\/next HTTP\/1\.1\r\n/)
      assert.match(head, /\r\nLambda-Extension-Identifier: id-1\r\n/)
    }
  })

  it("leaves where there is no engine and the API refuses to give events", async () => {
    const { exitCode, requests } = await launch(shell, {
      layout: { hasNode: false },
      environment: { O2_ON_CONFIG_ERROR: "pass-through" },
      answers: [accepted, ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]]
    })
    assert.deepStrictEqual([exitCode, requests.length], [1, 2])
  })
})

describe.each(others)("launcher under $title", (shell) => {
  it("leaves registering to the program", async () => {
    const result = await launch(shell)
    assert.deepStrictEqual(result.requests, [])
    assert.deepStrictEqual(handedOver(result), { status: undefined, identifier: undefined, answer: undefined })
    assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
  })

  it("says one line where there is no engine", async () => {
    const { exitCode, stderr, stdout } = await launch(shell, { layout: { hasNode: false } })
    assert.match((JSON.parse(stdout) as { readonly message: string }).message, /attach the standalone layer/)
    assert.deepStrictEqual([exitCode, stderr], [1, ""])
  })
})
