import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Books } from "../../demo/Books.ts"
import type { Reading, StoredRecord } from "../../demo/ReadBack.ts"
import { oneLine } from "../../demo/Terminal.ts"
import { type Evidence, isGood, judge } from "../../demo/Verdict.ts"
import { Fault, OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"

const demoFile = fileURLToPath(new URL("../../demo/demo.ts", import.meta.url))

/** What the demo inherits: a PATH, and only the settings that a test names. */
const environment = (variables: Readonly<Record<string, string>>, temporary: string) => ({
  PATH: process.env["PATH"],
  TMPDIR: temporary,
  ...variables
})

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What it has left in its temporary directory. */
  readonly leftovers: ReadonlyArray<string>
}

/** A directory that goes with the test. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "demo-test-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** Starts the demo, tells `onOutput` what it has written so far, and waits for its end. */
const run = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>> = {},
  onOutput: (stdout: string, child: ChildProcess) => void = () => {}
) {
  const temporary = yield* temporaryDirectory
  return yield* Effect.callback<Outcome>((resume) => {
    const child = spawn(process.execPath, [demoFile, ...args], {
      env: environment(variables, temporary),
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      onOutput(stdout, child)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.once(
      "close",
      (code) => resume(Effect.sync(() => ({ code, stdout, stderr, leftovers: readdirSync(temporary) })))
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
})

const handlerFile = Effect.fnUntraced(function*(source: string) {
  const file = join(yield* temporaryDirectory, "mine.mjs")
  writeFileSync(file, source)
  return file
})

const double = <A, E, R>(test: (openObserve: OpenObserveDouble["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(OpenObserveDouble, test).pipe(Effect.provide(OpenObserveDouble.layer()))

/** The processes below one, as the system lists them. */
const descendants = (pid: number): ReadonlyArray<number> => {
  const parents = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
  const found = [pid]
  for (const parent of found) {
    for (const [child, itsParent] of parents) if (itsParent === parent && child !== undefined) found.push(child)
  }
  return found.slice(1)
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("npm run demo", () => {
  it.live("shows the calls, the stored lines, the books, and that every line arrived", () =>
    Effect.gen(function*() {
      const { code, leftovers, stderr, stdout } = yield* run([])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0, stdout)
      assert.match(stdout, /^ {3}1 {2}two ordinary lines +ok +[\d.]+ ms +[\d.]+ ms {3}cold start$/m)
      assert.match(stdout, /^ {3}7 {2}a call that fails +error +/m)
      assert.match(stdout, /^ {2}\d\d:\d\d:\d\d\.\d{6} {2}function {2}[0-9a-f]{8} {2}#06 step 1 of 6$/m)
      assert.include(stdout, "12 × platform.report")
      assert.match(stdout, /received (\d+) = delivered \1 \+ .* ✔ adds up$/m)
      assert.match(stdout, /^✔ All 20 lines that the function wrote arrived exactly once\.$/m)
      assert.notInclude(stdout, "\u001b")
      assert.isTrue(stdout.split("\n").every((line) => [...line].length <= 120))
      assert.deepStrictEqual(leftovers, [])
    }))

  it.live("calls as often as it is asked to", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* run(["--invocations", "3"])
      assert.strictEqual(code, 0, stdout)
      assert.include(stdout, "3 × platform.start")
      assert.notMatch(stdout, /^ {3}4 /m)
    }))

  it.live("calls somebody's own function, whatever becomes of it", () =>
    Effect.gen(function*() {
      const file = yield* handlerFile(`
        console.log("starting up")
        export const handler = async ({ call }) => {
          for (let i = 0; i < 5; i++) process.stdout.write("tick\\n")
          if (call === 2) process.exit(3)
          console.log("this is mine", call)
        }
      `)
      const { code, stdout } = yield* run(["--handler", file, "--invocations", "3"])
      assert.strictEqual(code, 0, stdout)
      assert.match(stdout, /^ {3}2 {2}event \{"call":2\} +crashed/m)
      assert.include(stdout, "INFO this is mine 3")
      // two starts, three calls, and two that came to their end
      assert.match(stdout, /^✔ All 19 lines /m)
    }))

  it.live("writes the run as a page, beside whoever asks for it", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryDirectory
      const { code, stdout } = yield* run(["--invocations", "2", "--html", "run.html"], { INIT_CWD: directory })
      const file = join(directory, "run.html")
      assert.strictEqual(code, 0, stdout)
      assert.include(stdout, `\nThe run as a page, for a browser: ${file}\n`)
      const page = readFileSync(file, "utf8")
      for (const text of ["Hello from a Lambda function", "\"shape\":\"shutdown\"", "\"addsUp\":true", "_json: 200"]) {
        assert.include(page, text)
      }
      assert.notMatch(page, /Basic [A-Za-z0-9+/=]{8}/)
    }))

  it.live("says why the page cannot be written, before it runs anything", () =>
    Effect.gen(function*() {
      for (
        const [file, problem] of [
          ["/nowhere/run.html", "its directory does not exist"],
          [tmpdir(), "it is a directory"],
          [join(demoFile, "run.html"), "its directory is a file"]
        ] as const
      ) {
        const { code, stderr, stdout } = yield* run(["--html", file])
        assert.strictEqual(stderr, `✘ --html: ${file} cannot be written: ${problem}\n`)
        assert.strictEqual(code, 1)
        assert.notInclude(stdout, "The calls")
      }
    }))

  it.live("explains its options", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(["--help"])
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      for (const option of ["--handler", "--invocations", "--endpoint", "--html"]) assert.include(stdout, option)
    }))

  for (
    const [args, problem] of [
      [["--invocation", "3"], "Unknown option '--invocation'"],
      [["--invocations", "1001"], "--invocations takes a whole number from 1 to 1000"],
      [["--handler"], "Option '--handler <value>' argument missing"],
      [["handler.mjs"], "Unexpected argument 'handler.mjs'"]
    ] as const
  ) {
    it.live(`refuses ${args.join(" ")} and shows its usage`, () =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* run(args)
        assert.strictEqual(code, 2)
        assert.strictEqual(stdout, "")
        assert.match(stderr, new RegExp(`^${problem}\\n\\nUsage: `))
      }))
  }

  it.live("says that the handler is not there", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["--handler", "/nowhere/mine.mjs"])
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        "✘ --handler: there is no file /nowhere/mine.mjs; give the path of a module that exports \"handler\"\n"
      )
    }))

  it.live("says why a function does not start", () =>
    Effect.gen(function*() {
      const { code, leftovers, stderr } = yield* run(["--handler", yield* handlerFile("throw new Error('no \"key\"')")])
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, "✘ the function does not start: Error: no \"key\"\n")
      assert.deepStrictEqual(leftovers, [])
    }))

  for (const [signal, after] of [["SIGINT", "a slow call"], ["SIGTERM", "The calls"]] as const) {
    it.live(`leaves nothing behind on ${signal}`, () =>
      Effect.gen(function*() {
        let below: ReadonlyArray<number> = []
        const { code, leftovers, stdout } = yield* run([], {}, (stdout, child) => {
          if (below.length > 0 || !stdout.includes(after)) return
          below = descendants(child.pid ?? 0)
          child.kill(signal)
        })
        assert.strictEqual(code, 130, stdout)
        assert.isAtLeast(below.length, 1)
        assert.deepStrictEqual(below.filter(isAlive), [])
        assert.deepStrictEqual(leftovers, [])
        assert.notInclude(stdout, "✔")
      }))
  }
})

describe("npm run demo with a real OpenObserve", () => {
  const settings = (authorization: string, more: Readonly<Record<string, string>> = {}) => ({
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: authorization,
    ...more
  })

  it.live("sends to the stream that the environment names, and reads from it", () =>
    double((openObserve) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* run(
          ["--endpoint", openObserve.url, "--invocations", "2"],
          settings(openObserve.authorization, { O2_STREAM: "My-App" })
        )
        assert.strictEqual(code, 0, stdout)
        assert.include(stdout, `${openObserve.url}, organization default.`)
        assert.include(stdout, "(stream My-App, read back by search)")
        assert.isAbove((yield* openObserve.records("my_app")).length, 3)
      })
    ))

  it.live("judges by the books where it may not read", () =>
    double((openObserve) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* run(
          ["--endpoint", openObserve.url, "--invocations", "2"],
          settings(openObserve.ingestionAuthorization)
        )
        assert.strictEqual(code, 0, stdout)
        assert.include(stdout, "These credentials may not search (HTTP 401)")
        assert.include(stdout, "✔ OpenObserve has confirmed that it stored every record.")
      })
    ))

  it.live("fails when the credentials are wrong, and passes on what the extension says", () =>
    double((openObserve) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* run(
          ["--endpoint", openObserve.url, "--invocations", "1"],
          settings("Basic d3Jvbmc6d3Jvbmc=")
        )
        assert.strictEqual(code, 1, stdout)
        assert.include(stdout, "O2_AUTHORIZATION_HEADER")
        assert.include(stdout, "✘ Not every record arrived")
      })
    ))

  it.live("fails when lines are stored twice, and lists them", () =>
    double((openObserve) =>
      Effect.gen(function*() {
        yield* openObserve.nextFaults([Fault.ResetAfterStoring()])
        const { code, stdout } = yield* run(
          ["--endpoint", openObserve.url, "--invocations", "1"],
          settings(openObserve.authorization)
        )
        assert.strictEqual(code, 1, stdout)
        assert.match(stdout, /^ {2}stored more than once:\n {4}#1 Hello from a Lambda function$/m)
        assert.match(stdout, /^ {2}sent again after a lost answer, so perhaps stored twice: [1-9]/m)
      })
    ))

  it.live("fails when there is no OpenObserve", () =>
    double((openObserve) =>
      Effect.gen(function*() {
        yield* openObserve.setFault(Fault.RefuseConnections())
        const { code, stdout } = yield* run(
          ["--endpoint", openObserve.url, "--invocations", "1"],
          settings(openObserve.authorization)
        )
        assert.strictEqual(code, 1, stdout)
        assert.match(stdout, /delivered 0 .* dropped \d+ .*✔ adds up$/m)
        assert.include(stdout, "the stored records cannot be read back")
        assert.include(stdout, "ECONNREFUSED")
      })
    ))

  it.live("names the settings that are missing", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["--endpoint", "ftp://openobserve.test"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^✘ O2_ORGANIZATION_ID is not set/m)
      assert.match(stderr, /^✘ O2_AUTHORIZATION_HEADER is not set/m)
      assert.match(stderr, /^✘ --endpoint /m)
    }))
})

describe("the verdict of the demo", () => {
  const time = "2026-11-22T10:00:00.123Z"
  const micros = Date.parse(time) * 1000
  const consoleLine = (text: string) => `${time}\t0a1b\tINFO\t${text}\n`
  const events = ["#1 one", "#2 two"].map((text) => ({ time, type: "function", record: consoleLine(text) }))
  const stored = events.map(({ record, type }, index) => ({ _timestamp: micros + index, type, record }))
  const balanced: Books = {
    received: 2,
    delivered: 2,
    rejected: 0,
    dropped: 0,
    unsettled: 0,
    possiblyDuplicated: 0,
    reasons: {}
  }
  const read = (records: ReadonlyArray<StoredRecord>): Reading => ({ _tag: "Read", records })
  const evidence = { events, lines: ["#1 one", "#2 two"], reading: read(stored), books: balanced }
  const [first, second] = stored as [(typeof stored)[0], (typeof stored)[0]]

  it("is good when each line is stored once", () => {
    assert.isTrue(isGood(judge(evidence)))
  })

  it("lists what is missing", () => {
    const verdict = judge({ ...evidence, reading: read([first]) })
    assert.deepStrictEqual(verdict.missing, ["#2 two"])
    assert.isFalse(isGood(verdict))
  })

  it("lists what is stored twice", () => {
    const verdict = judge({ ...evidence, reading: read([first, second, second]) })
    assert.deepStrictEqual(verdict.duplicated, ["#2 two"])
    assert.isFalse(isGood(verdict))
  })

  it("lists what was changed on the way", () => {
    const verdict = judge({ ...evidence, reading: read([first, { ...second, record: consoleLine("#2 tw") }]) })
    assert.deepStrictEqual(verdict.altered, ["#2 tw"])
    assert.deepStrictEqual(verdict.missing, ["#2 two"])
  })

  it("notices a line that not even Lambda has seen", () => {
    assert.deepStrictEqual(judge({ ...evidence, lines: [...evidence.lines, "#3 three"] }).missing, ["#3 three"])
  })

  it("believes no books that contradict what is stored, do not add up, or were not closed", () => {
    for (const books of [{ ...balanced, delivered: 1, rejected: 1 }, { ...balanced, received: 3 }, undefined]) {
      assert.isFalse(isGood(judge({ ...evidence, books })))
    }
  })

  it("relies on the books alone where nothing can be read", () => {
    const blind: Evidence = { ...evidence, reading: { _tag: "NotPermitted", status: 401 } }
    assert.isTrue(isGood(judge(blind)))
    assert.isFalse(isGood(judge({ ...blind, books: { ...balanced, delivered: 1, dropped: 1 } })))
  })
})

describe("a line in a table", () => {
  it("is cut to the columns it has, whole characters only", () => {
    assert.strictEqual(oneLine("abcdef", 6), "abcdef")
    assert.strictEqual(oneLine("abcdefg", 6), "abcde…")
    assert.strictEqual(oneLine("支払い完了", 6), "支払…")
    assert.strictEqual(oneLine("支払い", 6), "支払い")
    assert.strictEqual(oneLine("👩‍💻👩‍💻", 3), "👩‍💻…")
  })

  it("cannot steer the terminal", () => {
    assert.strictEqual(oneLine("a\u001b[31mred\u001b[0m\r\u0007\u202e\nb\tc", 40), "ared··· ⏎ b ⇥ c")
  })
})
