/**
 * HTTP made worse by chance, from all sides: requests to the listener, answers of OpenObserve and of Lambda's API. The
 * process lives or ends in order, says nothing but its own lines, takes no processor and no memory, and goes on delivering.
 *
 * `HTTP_FUZZ_SECONDS` says for how long each of the two tests goes on, `HTTP_FUZZ_SEED` with which chances.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import { basename, dirname, join } from "node:path"
import { listenHttp, listenRaw } from "../support/peers.ts"
import { ended } from "./books.ts"
import { Chance } from "./chaos.ts"
import { attack, lambdaAnswers, mutated, openObserveAnswers, postLines, write } from "./httpFuzz.ts"
import { NAME, type Sandbox, telemetryAddress, unpackedLayer, withSandbox } from "./sandbox.ts"

const SECONDS = Number(process.env["HTTP_FUZZ_SECONDS"] ?? 8)
const SEED = Number(process.env["HTTP_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32))

const project = basename(process.env["O2_TEST_LAYER"] ?? "integration")
const repeat =
  `HTTP_FUZZ_SEED=${SEED} HTTP_FUZZ_SECONDS=${SECONDS} npx vitest run --project ${project} test/integration/HttpFuzz.test.ts`

/** Connections at once. */
const ATTACKERS = 6

/** The longest pause between two attempts in an outage, with its jitter and a while for what waits. */
const MAX_PAUSE_SECONDS = 90

/** Processes at once with an API of their own: they wait most of the time, before they ask again. */
const LIVES = 6

/** What the process may take more at the end than after the first second, in MiB; 10 of it are for the buffer. On Node.js 37. */
const MAX_GROWTH_MB = 60

const procOf = (pid: number) => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  const [user, system] = fields.split(" ").slice(11, 13).map(Number)
  return { residentMb: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024, cpuMillis: (user! + system!) * 10 }
}

/** Between the extension and OpenObserve: hands on, or answers by itself. */
const between = Effect.fnUntraced(function*(chance: Chance) {
  const state = { target: undefined as string | undefined, isCalm: true, isOver: false, answers: 0 }
  // The double keeps all that it gets, and would take longer and longer; more than was sent is all of it.
  const forgetful = yield* listenHttp((request, response) => {
    request.resume()
    request.on("end", () => response.end(`{"code":200,"status":[{"name":"default","successful":1000000,"failed":0}]}`))
  })
  const { port } = yield* listenRaw((socket) => {
    if (state.isCalm || chance.next() < 0.5) {
      if (state.target === undefined) return void socket.destroy()
      const { hostname, port } = state.isCalm ? new URL(state.target) : forgetful.url
      const onward = Net.connect(Number(port), hostname)
      onward.on("error", () => socket.destroy()).on("close", () => socket.destroy())
      socket.on("close", () => onward.destroy())
      // the next one may have it worse
      if (!state.isOver) setTimeout(() => socket.destroy(), 100)
      return void socket.pipe(onward).pipe(socket)
    }
    // before the request, in the middle of it, or for each piece of it
    const give = () => {
      state.answers++
      const other = () => chance.pick(openObserveAnswers)
      write(socket, mutated(chance, other(), other), chance)
    }
    if (chance.next() < 0.1) give()
    socket.on("data", () => chance.next() < 0.9 && give())
    setTimeout(() => socket.destroy(), 1000)
  })
  return { state, url: `http://127.0.0.1:${port}` }
})

const SETTINGS = {
  O2_REQUEST_TIMEOUT_MS: "300",
  // many attempts between two pauses
  O2_MAX_RETRIES: "20",
  O2_INITIAL_RETRY_DELAY_MS: "1",
  O2_MAX_RETRY_DELAY_MS: "5",
  O2_FLUSH_BUDGET_MS: "300",
  O2_FLUSH_INTERVAL_MS: "100"
}

/** Every line is one of ours, or of the function. */
const assertSpeaks = Effect.fnUntraced(function*({ emulator }: Sandbox) {
  for (const { line, source, stream } of yield* emulator.output) {
    if (source !== NAME) continue
    assert.strictEqual(stream, "stdout", line)
    assert.isObject(JSON.parse(line))
    assert.notInclude(line, "defect")
  }
})

const fuzzed = Effect.fnUntraced(function*(sandbox: Sandbox, chance: Chance) {
  const { emulator, invoke } = sandbox
  const address = yield* telemetryAddress(sandbox)
  const [extension] = yield* emulator.extensions
  const pid = Number(extension?.pid)
  const start = yield* Clock.currentTimeMillis
  const end = start + SECONDS * 1000
  let [connections, calls, before] = [0, 0, Infinity]
  const attacker = Effect.gen(function*() {
    while ((yield* Clock.currentTimeMillis) < end) {
      yield* Effect.promise(() => attack(address, chance))
      connections++
    }
  })
  const caller = Effect.gen(function*() {
    for (let now = start; now < end; now = yield* Clock.currentTimeMillis) {
      const { status } = yield* invoke({ lines: [`call ${calls++}`] })
      assert.strictEqual(status, "success")
      if (now >= start + 1000) before = Math.min(before, procOf(pid).residentMb)
    }
  })
  yield* Effect.all([caller, ...Array.from({ length: ATTACKERS }, () => attacker)], { concurrency: "unbounded" })
  return { pid, before, connections, calls }
})

const announced = Effect.sync(() => void process.stdout.write(`fuzz of HTTP: ${repeat}\n`))
const failed = Effect.sync(() => void process.stdout.write(`fuzz of HTTP failed; repeat it with\n  ${repeat}\n`))

/** What has no reason to end by then is asked to, and what does not end hangs. */
const endAfter = (child: ChildProcess, ms: number): void => {
  const timers = [
    setTimeout(() => child.kill("SIGTERM"), ms),
    setTimeout(() => child.kill("SIGKILL"), ms + 8000)
  ]
  child.once("close", () => timers.forEach((timer) => clearTimeout(timer)))
}

/** Starts the extension against an API that answers by chance; how it ends, and what it said. */
const life = Effect.fnUntraced(function*(opt: string, chance: Chance, lifeMs: number) {
  let answers = 0
  const { port } = yield* listenRaw((socket) => {
    socket.on("data", (data: Buffer) => {
      const [, path = ""] = /^\w+ \S*\/(\w+) HTTP/.exec(data.toString("latin1")) ?? []
      const choices = lambdaAnswers[path as keyof typeof lambdaAnswers] ?? lambdaAnswers.next
      const other = () => chance.pick(choices)
      const [, subscribed, at = "/"] = /sandbox\.localdomain:(\d+)([^"]*)/.exec(data.toString("latin1")) ?? []
      if (subscribed !== undefined) postLines({ port: Number(subscribed), path: at }, socket)
      answers++
      if (chance.next() < 0.8) socket.write(choices[0])
      else write(socket, mutated(chance, other(), other), chance)
    })
    setTimeout(() => socket.destroy(), 2000)
  })
  return yield* Effect.callback<
    {
      readonly said: ReadonlyArray<string>
      readonly stderr: string
      readonly end: ChildProcess["exitCode"] | string
      readonly answers: number
    }
  >((resume) => {
    const child = spawn(join(opt, "extensions", NAME), [], {
      env: {
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: "Basic YTpi",
        O2_ENDPOINT: `http://127.0.0.1:${port}`,
        ...SETTINGS
      },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text)
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text)
    endAfter(child, lifeMs)
    child.once("close", (code, signal) => {
      const said = stdout.split("\n").filter((line) => line !== "")
      resume(Effect.succeed({ said, stderr, end: code ?? String(signal), answers }))
    })
  })
}, Effect.scoped)

describe("HTTP made worse by chance", () => {
  it.live(
    `reaches the listener and comes from OpenObserve (HTTP_FUZZ_SEED=${SEED})`,
    () =>
      Effect.gen(function*() {
        yield* announced
        const chance = new Chance(SEED)
        const { state, url } = yield* between(chance)
        yield* withSandbox({ freeze: false, environment: { ...SETTINGS, O2_ENDPOINT: url } }, (sandbox) =>
          Effect.gen(function*() {
            const { emulator, functionLines, invoke, openObserve } = sandbox
            state.target = openObserve.url
            yield* invoke({ lines: ["before"] })
            state.isCalm = false
            const { before, calls, connections, pid } = yield* fuzzed(sandbox, chance)
            state.isCalm = state.isOver = true
            // a server that was away for long is asked again after a minute at most
            yield* invoke({ lines: ["calm"] })
            const calmAt = yield* Clock.currentTimeMillis
            const isLate = Effect.map(Clock.currentTimeMillis, (now) =>
              now - calmAt > MAX_PAUSE_SECONDS * 1000)
            while (!(yield* functionLines).includes("calm\n") && !(yield* isLate)) yield* Effect.sleep(1000)
            yield* Effect.sleep(1000)
            const after = procOf(pid)
            yield* Effect.sleep(1000)
            const idle = procOf(pid).cpuMillis - after.cpuMillis
            assert.strictEqual(yield* emulator.postTelemetry("[]"), 200)
            yield* invoke({ lines: ["after"] })
            const ledger = yield* ended(sandbox)
            const lines = yield* functionLines
            assert.deepStrictEqual(
              lines.filter((line) => line === "after\n"),
              ["after\n"]
            )
            yield* assertSpeaks(sandbox)
            const growth = after.residentMb - before
            const figures = { connections, calls, answers: state.answers, before, growth, idle, stored: lines.length }
            process.stdout.write(
              `fuzz of HTTP: ${JSON.stringify({ ...figures, postsDropped: ledger["postsDropped"] })}\n`
            )
            assert.isAtMost(growth, MAX_GROWTH_MB)
            assert.isAtMost(idle, 300)
          }))
      }).pipe(
        Effect.scoped,
        Effect.onError(() =>
          failed
        )
      ),
    (SECONDS + MAX_PAUSE_SECONDS + 60) * 1000
  )

  it.live(
    `comes from Lambda's API (HTTP_FUZZ_SEED=${SEED})`,
    () =>
      Effect.gen(function*() {
        yield* announced
        const opt = yield* unpackedLayer
        const end = (yield* Clock.currentTimeMillis) + SECONDS * 1000
        const ends: Record<string, number> = {}
        let all = 0
        const lives = Effect.fnUntraced(function*(chance: Chance) {
          while ((yield* Clock.currentTimeMillis) < end) {
            const { answers, end, said, stderr } = yield* life(opt, chance, chance.pick([300, 1000, SECONDS * 100]))
            all += answers
            // an engine that still waits for its registration has no program to end in order
            assert.include(said.length === 0 ? [0, 1, "SIGTERM"] : [0, 1], end, `${stderr}\n${said.join("\n")}`)
            assert.strictEqual(stderr, "")
            for (const line of said) {
              assert.isObject(JSON.parse(line))
              assert.notInclude(line, "defect")
            }
            ends[String(end)] = (ends[String(end)] ?? 0) + 1
          }
        })
        const chances = Array.from({ length: LIVES }, (_, index) => new Chance(SEED + 1 + index))
        yield* Effect.forEach(chances, lives, { concurrency: "unbounded", discard: true })
        process.stdout.write(`fuzz of HTTP: ${JSON.stringify({ ends, answers: all })}\n`)
      }).pipe(Effect.scoped, Effect.onError(() => failed)),
    (SECONDS + 60) * 1000
  )
})
