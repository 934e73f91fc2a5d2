/** The kit without Effect: as its users write their tests. */
import { describe, expect, it } from "vitest"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { DoubleOperations, EmulatorOperations, RunningLambda } from "../../src/testing/index.ts"
import { Fault, LambdaEmulator, OpenObserveDouble } from "../../src/testing/index.ts"
import type { RunningOpenObserve } from "../../src/testing/index.ts"
import { handlerFile, patience } from "./lambdaSandbox.ts"

type Lifetime = "close" | typeof Symbol.asyncDispose

/** Every operation is there in both forms. */
type Missing<Effects, Promises> =
  | Exclude<keyof Effects, keyof Promises>
  | Exclude<keyof Promises, keyof Effects | Lifetime>
const none: ReadonlyArray<Missing<EmulatorOperations, RunningLambda> | Missing<DoubleOperations, RunningOpenObserve>> =
  []

const talker = "#!/bin/sh\necho \"$TMPDIR\"\nexec sleep 60\n"

/** A directory with one extension, gone with the block. */
const extensions = (text: string) => {
  const directory = mkdtempSync(join(tmpdir(), "promise-form-"))
  writeFileSync(join(directory, "talker"), text, { mode: 0o755 })
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) }
}

const options = (extensionsDirectory: string) => ({
  extensionsDirectory,
  runtime: { _tag: "Handler" as const, file: handlerFile },
  path: `${dirname(process.execPath)}:/usr/bin:/bin`,
  resolveSandboxHost: "never" as const
})

const isAlive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("LambdaEmulator.start", () => {
  it("says of which line an error is", async () => {
    using empty = extensions("")
    rmSync(join(empty.directory, "talker"))
    await using lambda = await LambdaEmulator.start(options(empty.directory))
    const error = await lambda.awaitOutput("never said", { timeout: 1 }).catch((error: unknown) => error)
    const { message, stack = "" } = error as Error
    expect(stack.startsWith(`LambdaEmulatorError: ${message}\n`)).toBe(true)
    expect(stack).toContain("PromiseForm.test.ts")
  })

  it("looks at its options before it starts anything", async () => {
    const wrong = { ...options("/nowhere"), runtime: undefined as never, timeoutMs: -1 }
    await expect(LambdaEmulator.start(wrong)).rejects.toThrow(
      /extensionsDirectory names no directory: \/nowhere; runtime is missing.*; timeoutMs is no duration in ms: -1/
    )
  })

  it("invokes, waits and observes", async () => {
    expect(none).toEqual([])
    using empty = extensions("")
    rmSync(join(empty.directory, "talker"))
    await using lambda = await LambdaEmulator.start(options(empty.directory))
    expect(await lambda.start()).toEqual({ initDurationMs: expect.any(Number) })
    const { outcome, reason, requestId } = await lambda.invoke({ do: "log" })
    expect(outcome._tag).toBe("Response")
    expect(reason).toBeUndefined()
    expect(await lambda.awaitOutput("raw one", { timeout: "10 seconds" })).toMatchObject({ source: "runtime" })
    expect(await lambda.awaitEvent("platform.start", { requestId })).toMatchObject({ record: { requestId } })
    await lambda.emit({ type: "platform.fault", record: "made up" })
    expect((await lambda.events()).at(-1)).toMatchObject({ type: "platform.fault", record: "made up" })
    expect(await lambda.postTelemetry("[]")).toBe("failed")
    expect(await lambda.shutdown("spindown")).toEqual({ extensions: [] })
    expect((await lambda.timeline()).phases.map(({ phase }) => phase)).toEqual(["init", "invoke", "shutdown"])
    expect((await lambda.generations()).map(({ endReason }) => endReason)).toEqual(["spindown"])
    // after the init, after the call, and again after the post
    expect(await lambda.freezes()).toHaveLength(3)
    expect([await lambda.deliveries(), await lambda.receivedEvents(), await lambda.extensions()]).toEqual([[], [], []])
    expect((await lambda.calls()).length).toBeGreaterThan(0)
  }, patience)

  it("rejects with an error of words", async () => {
    using broken = extensions("#!/bin/sh\necho out of order\nexit 1\n")
    await using lambda = await LambdaEmulator.start(options(broken.directory))
    await expect(lambda.start()).rejects.toThrow(/start: extension talker exited with code 1.*\nout of order/)
    await expect(lambda.awaitOutput("fine", { timeout: 20 })).rejects.toThrow(
      /the last lines were:\ntalker: out of order/
    )
  }, patience)

  it("ends all that it began with the block, also when that fails, and can be read afterwards", async () => {
    using one = extensions(talker)
    let lambda: RunningLambda | undefined
    let pid: number | undefined
    const test = async () => {
      await using running = await LambdaEmulator.start(options(one.directory))
      lambda = running
      void running.start().catch(() => undefined)
      await running.awaitOutput(running.temporaryDirectory, { timeout: "20 seconds" })
      pid = (await running.extensions())[0]?.pid
      expect(isAlive(pid)).toBe(true)
      throw new Error("the test has failed")
    }
    await expect(test()).rejects.toThrow("the test has failed")
    expect(isAlive(pid)).toBe(false)
    expect(() => readdirSync(lambda?.temporaryDirectory ?? "")).toThrow("ENOENT")
    await expect(fetch(`http://${lambda?.runtimeApi}/2018-06-01/ping`)).rejects.toThrow()
    expect(await lambda?.output()).toHaveLength(1)
    await expect(lambda?.invoke({})).rejects.toThrow("invoke: the emulator is closed")
    // once more changes nothing
    await lambda?.close()
  }, patience)
})

describe("OpenObserveDouble.start", () => {
  const post = (url: string, authorization: string) =>
    fetch(`${url}/api/default/app/_json`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify([{ message: "hello" }])
    })

  it("stores, misbehaves and forgets", async () => {
    await using openObserve = await OpenObserveDouble.start({ user: "a@example.com", password: "b" })
    const { authorization, url } = openObserve
    await openObserve.nextFaults([Fault.memoryOverflow])
    const waiting = openObserve.awaitRecords("app", 1, "20 seconds")
    expect((await post(url, authorization)).status).toBe(503)
    expect((await post(url, openObserve.ingestionAuthorization)).status).toBe(200)
    expect(await waiting).toMatchObject([{ message: "hello" }])
    expect(await openObserve.records("app")).toEqual(await waiting)
    await openObserve.setFault(Fault.badGateway)
    await openObserve.setLatency(1)
    expect((await post(url, authorization)).status).toBe(502)
    await openObserve.setFault(undefined)
    expect((await openObserve.requests()).map(({ status }) => status)).toEqual([503, 200, 502])
    await openObserve.clear()
    expect(await openObserve.requests()).toEqual([])
    await expect(openObserve.awaitRecords("app", 2, 20)).rejects.toThrow("default/app holds 0 of the 2 records")
  })

  it("listens until the block ends, and rejects when the port is taken", async () => {
    let url = ""
    {
      await using openObserve = await OpenObserveDouble.start()
      ;({ url } = openObserve)
      expect((await post(url, openObserve.authorization)).status).toBe(200)
      const port = Number(new URL(url).port)
      await expect(OpenObserveDouble.start({ port })).rejects.toThrow(`cannot listen on port ${port}`)
    }
    await expect(post(url, "")).rejects.toThrow()
  })
})
