/**
 * Traffic against the built artefact: calls at a rate, an OpenObserve with real latencies and troubles, SHUTDOWN at the
 * end. The emulator of the test kit runs a real function, which no two cores do 80 times a second beside everything else;
 * this only says and counts what the extension would see of one. `bench/load.ts` measures with the same.
 */
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { makeControlPlane } from "../../bench/ControlPlane.ts"
import { isNative } from "../support/isNative.ts"
import { ledgerOf } from "./sandbox.ts"
import type { OwnLine } from "./sandbox.ts"
import type { Machine } from "./trafficEngine.ts"
import { type Exit, startExtension } from "./trafficExtension.ts"
import { type Asked, type Behaviour, lineOf, type ListensAt, type Served, startServer } from "./trafficServer.ts"
import { makeTelemetry } from "./trafficTelemetry.ts"

/** What a run is like. */
export interface TrafficOptions extends Machine {
  /** What stands for `/opt`; that of the other integration tests when absent. */
  readonly layer?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly behave: (asked: Asked) => Behaviour
  readonly seconds: number
  /** As far as the extension asks for them in time: a sandbox has one call at once. */
  readonly callsPerSecond: number
  readonly linesPerCall: number
  /** What a call takes by itself, in ms. */
  readonly workMs?: number
  /** The sandbox stands still between calls. */
  readonly freezes?: boolean
  /** Managed Instances: no INVOKE, calls side by side, no freeze. */
  readonly isManagedInstance?: boolean
  /** The last call is followed at once by one more with so many lines. */
  readonly lastLines?: number
  /** The share of a CPU that the extension gets from half a second before SHUTDOWN on. */
  readonly cpuShare?: number
  /** Where the server listens; at a free port of 127.0.0.1 when absent. */
  readonly listensAt?: ListensAt
}

/** How things stood at a moment, by what had been taken by the extension and stored by the server. */
export interface Sample {
  readonly atMs: number
  readonly taken: number
  readonly stored: number
  readonly requests: number
}

/** What the extension has said, and when. */
export interface Word {
  readonly atMs: number
  readonly line: OwnLine
}

/** What came of a run. Times in ms since the first call. */
export interface Traffic {
  readonly calls: number
  /** Lines that the extension has taken. */
  readonly lines: number
  readonly missing: number
  /** Copies beyond the first. */
  readonly copies: number
  readonly storedRecords: number
  /** Most lines that were taken and not yet stored. */
  readonly maxBacklog: number
  /** When SHUTDOWN was sent. */
  readonly shutdownMs: number
  readonly requests: ReadonlyArray<Served>
  readonly samples: ReadonlyArray<Sample>
  /** From each call's end to the extension's `next`. */
  readonly addedMs: ReadonlyArray<number>
  readonly said: ReadonlyArray<Word>
  readonly noise: ReadonlyArray<string>
  readonly ledger: Record<string, any>
  readonly exit: Exit
  /** From SHUTDOWN to the end of the process. */
  readonly exitMs: number
  readonly maxSpillFiles: number
}

const built = process.env["O2_TEST_LAYER"] ?? fileURLToPath(new URL("../../dist/layer", import.meta.url))

/** Whether it is the standalone flavour that runs. */
export const isStandalone = (): boolean => isNative(join(built, "extensions/o2-lambda-extension"))

/** Enough for the longest run on a machine that is busy otherwise, in ms. */
export const TIMEOUT_MS = 120_000

/** What Lambda grants at SHUTDOWN, in ms. */
const SHUTDOWN_BUDGET_MS = 2_000

/** How much longer a process may live here than Lambda would let it: cores that are shared are slow now and then. */
const KILL_GRACE_MS = 3_000

/** A function's own time-out in ms: long enough that no call comes near it. */
const CALL_TIMEOUT_MS = 60_000

/** How far a run may lag behind its rate before it does not make up for it any more, in calls. */
const MAX_LAG_CALLS = 5

const SAMPLE_EVERY_MS = 50

/** About as long as a line usually is. */
const PADDING = "order stored for customer, items: ".repeat(4)

/** Runs traffic for its time and then ends the sandbox. */
export const runTraffic = async (options: TrafficOptions): Promise<Traffic> => {
  const { callsPerSecond, freezes = false, isManagedInstance = false, linesPerCall, seconds } = options
  const periodMs = 1000 / callsPerSecond
  const workMs = options.workMs ?? Math.min(20, periodMs / 2)
  let taken = 0
  let maxBacklog = 0
  const noteBacklog = () => {
    maxBacklog = Math.max(maxBacklog, taken - server.storedLines())
  }
  const server = await startServer(options.behave, options.listensAt)
  const plane = await makeControlPlane()
  const telemetry = makeTelemetry(plane.destination, (lines) => {
    taken += lines
    noteBacklog()
  })
  const extension = startExtension(options.layer ?? built, {
    AWS_LAMBDA_RUNTIME_API: plane.api,
    AWS_LAMBDA_FUNCTION_NAME: "traffic",
    AWS_REGION: "eu-west-1",
    ...(isManagedInstance ? { AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" } : {}),
    O2_ENDPOINT: server.url,
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: "Basic eDp5",
    ...options.environment
  }, options)
  const samples: Array<Sample> = []
  const addedMs: Array<number> = []
  let maxSpillFiles = 0
  let calls = 0
  let written = 0
  let nexts = 1
  let begunAt = 0
  const sampling = setInterval(() => {
    maxSpillFiles = Math.max(maxSpillFiles, extension.spillFiles())
    samples.push({
      atMs: performance.now() - begunAt,
      taken,
      stored: server.storedLines(),
      requests: server.requests.length
    })
  }, SAMPLE_EVERY_MS)

  const write = (type: string, record: unknown) => telemetry.push({ time: new Date().toISOString(), type, record })
  const begin = (requestId: string, lines: number) => {
    calls++
    write("platform.start", { requestId, version: "$LATEST" })
    for (let line = 0; line < lines; line++) write("function", lineOf(written++, PADDING))
  }
  const metrics = { durationMs: workMs, billedDurationMs: workMs, memorySizeMB: 128, maxMemoryUsedMB: 64 }
  const call = async (lines: number) => {
    const requestId = `00000000-0000-4000-8000-${String(calls).padStart(12, "0")}`
    if (isManagedInstance) {
      begin(requestId, lines)
      return write("platform.report", { requestId, status: "success", metrics })
    }
    const next = plane.atNext(++nexts)
    plane.answer({ eventType: "INVOKE", deadlineMs: Date.now() + CALL_TIMEOUT_MS, requestId })
    begin(requestId, lines)
    await sleep(workMs)
    const endedAt = performance.now()
    write("platform.runtimeDone", { requestId, status: "success", metrics: { durationMs: workMs, producedBytes: 0 } })
    await next
    addedMs.push(Math.max(0, plane.lastNextAt() - endedAt))
    write("platform.report", { requestId, status: "success", metrics })
  }

  /** Until the time of the next call, or the end of all. */
  const pause = async (until: number) => {
    const millis = until - performance.now()
    if (millis <= 0) return
    if (freezes) {
      telemetry.freeze()
      extension.freeze()
    }
    await sleep(millis)
    if (freezes) {
      extension.thaw()
      telemetry.thaw()
    }
  }

  try {
    await within(plane.atNext(1), 20_000, "the extension has not asked for its first event")
    begunAt = performance.now()
    server.begin()
    const end = begunAt + seconds * 1000
    for (let due = begunAt; due < end;) {
      await within(call(linesPerCall), CALL_TIMEOUT_MS, "the extension has not asked for another event")
      due = Math.max(due + periodMs, performance.now() - MAX_LAG_CALLS * periodMs)
      await pause(Math.min(due, end))
    }
    if (options.lastLines !== undefined) await call(options.lastLines)
    if (options.cpuShare !== undefined) {
      extension.throttle(options.cpuShare)
      // it is under way before the end begins
      await pause(performance.now() + 500)
    }
    const shutdownAt = performance.now()
    plane.answer({
      eventType: "SHUTDOWN",
      shutdownReason: "spindown",
      deadlineMs: Date.now() + SHUTDOWN_BUDGET_MS
    })
    if (options.setsClockBack === true) setTimeout(extension.setClockBack, 100)
    await telemetry.flush()
    const killing = setTimeout(() => void extension.end(), SHUTDOWN_BUDGET_MS + KILL_GRACE_MS)
    const exit = await extension.exited
    clearTimeout(killing)
    return {
      calls,
      lines: taken,
      missing: taken - server.storedLines(),
      copies: server.copies(),
      storedRecords: server.storedRecords(),
      maxBacklog,
      shutdownMs: shutdownAt - begunAt,
      requests: server.requests,
      samples,
      addedMs,
      said: extension.said.map(({ at, line }) => ({ atMs: at - begunAt, line })),
      noise: extension.noise,
      ledger: ledgerOf(extension.said.map(({ line }) => line)),
      exit,
      exitMs: exit.at - shutdownAt,
      maxSpillFiles
    }
  } finally {
    clearInterval(sampling)
    await extension.end()
    telemetry.close()
    plane.close()
    server.close()
  }
}

/** Fails when something takes too long, so that no run goes on for ever. */
const within = async <A>(promise: Promise<A>, millis: number, problem: string): Promise<A> => {
  const controller = new AbortController()
  const timeout = sleep(millis, undefined, { signal: controller.signal }).then(() => {
    throw new Error(problem)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    controller.abort()
    timeout.catch(() => {})
  }
}
