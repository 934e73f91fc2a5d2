/** Somebody else's extension, written in Python, in a Lambda of its own. */
import { expect, test } from "vitest"
import { join } from "node:path"
import { LambdaEmulator } from "o2-lambda-extension/testing"

const options = {
  // stands for /opt/extensions; every file in it is started
  extensionsDirectory: join(import.meta.dirname, "extensions"),
  runtime: { _tag: "Handler", file: join(import.meta.dirname, "handler.mjs") },
  // where env finds python3; the extensions see nothing else of this environment
  path: process.env["PATH"] ?? "",
  timeoutMs: 10_000
} as const

test("counts the errors of all invocations", async () => {
  await using lambda = await LambdaEmulator.start(options)
  expect(await lambda.invoke({ failures: 2 })).toMatchObject({ status: "success", reason: undefined })
  await lambda.awaitOutput("2 errors so far", { source: "error-counter" })
  await lambda.invoke({ failures: 3 })
  await lambda.awaitOutput("5 errors so far", { source: "error-counter" })

  const { extensions } = await lambda.shutdown()
  expect(extensions).toMatchObject([{ name: "error-counter", exitCode: 0, killed: false }])
  await lambda.awaitOutput("5 errors in all")
})

test("gets what the function has written, and is told of its end", async () => {
  await using lambda = await LambdaEmulator.start(options)
  const { requestId } = await lambda.invoke({ failures: 1 })
  await lambda.awaitEvent("platform.runtimeDone", { requestId, subscriber: "error-counter" })

  const received = await lambda.receivedEvents()
  expect(received.filter(({ type }) => type === "function").map(({ record }) => record)).toEqual([
    expect.stringContaining("ERROR\tfailure 1")
  ])
})

test("counts to the end when the function crashes", async () => {
  await using lambda = await LambdaEmulator.start(options)
  const { reason } = await lambda.invoke({ failures: 1, exits: true })
  expect(reason).toMatch(/^the runtime exited with code 1/)

  await lambda.awaitOutput("1 errors in all")
  expect(await lambda.generations()).toMatchObject([{ endReason: "failure", exits: [{ exitCode: 0, killed: false }] }])
})
