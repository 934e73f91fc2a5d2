/** `npm run demo`: a local Lambda, the real extension, an OpenObserve, and the proof that every line arrived. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import { statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type Invocation, LambdaEmulator } from "../src/testing/LambdaEmulator.ts"
import * as Arguments from "./Arguments.ts"
import * as Books from "./Books.ts"
import { DemoError } from "./DemoError.ts"
import * as Layer from "./Layer.ts"
import * as Page from "./Page.ts"
import * as ReadBack from "./ReadBack.ts"
import * as Report from "./Report.ts"
import * as Story from "./Story.ts"
import * as Target from "./Target.ts"
import { complain, paint, print } from "./Terminal.ts"
import * as Verdict from "./Verdict.ts"

/** Convention of POSIX shells and getopt for a command line that is not understood. */
const USAGE_EXIT_CODE = 2

/** What a shell reports for a process that Ctrl-C has ended. */
const INTERRUPTED_EXIT_CODE = 130

// --- Program -----------------------------------------------------------------

const demo = Effect.fnUntraced(function*(options: Arguments.DemoOptions) {
  if (statSync(options.handler, { throwIfNoEntry: false })?.isFile() !== true) {
    return yield* new DemoError({
      problem: `--handler: there is no file ${options.handler}; give the path of a module that exports "handler"`
    })
  }
  if (options.html !== undefined) yield* Page.check(options.html)
  // tells this run from others in a stream that is shared
  const run = randomBytes(4).toString("hex")
  const functionName = `demo-${run}`
  const target = options.endpoint === undefined
    ? yield* Target.inMemory(`demo_${run}`)
    : yield* Target.real(options.endpoint, `demo_${run}`, process.env)
  yield* print(
    paint("bold", "o2-lambda-extension demo"),
    `A local Lambda calls ${basename(options.handler)}, with the extension attached as in AWS; it sends to`,
    target.isReal
      ? `${target.endpoint}, organization ${target.organization}.`
      : "an OpenObserve in memory. Nothing leaves this machine."
  )
  if (!(yield* Layer.isBuilt)) {
    yield* print("", "Building the extension …")
    yield* Layer.build
  }
  const opt = yield* Layer.unpack
  const startMillis = yield* Clock.currentTimeMillis
  const calls = options.isOwnHandler ? Story.own(options.invocations) : Story.foreign(options.invocations)
  const played = yield* play(calls).pipe(
    Effect.provide(LambdaEmulator.layer({
      extensionsDirectory: join(opt, "extensions"),
      runtime: { _tag: "Handler", file: options.handler },
      environment: target.environment,
      path: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      functionName,
      resolveSandboxHost: "never",
      timeoutMs: Arguments.FUNCTION_TIMEOUT_MS
    })),
    Effect.mapError(({ operation, problem }) =>
      new DemoError({
        problem: operation === "start" ? `the function does not start: ${reason(problem)}` : `${operation}: ${problem}`
      })
    )
  )

  const books = Books.books(played.output)
  const evidence = { events: played.events, lines: calls.flatMap(({ lines }) => lines), books }
  const reading = yield* ReadBack.read({
    target,
    functionName,
    startMillis,
    delivered: books?.delivered ?? 0,
    // what is stored twice will not go away
    isComplete: (records) =>
      records.length >= (books?.delivered ?? 0) &&
      Verdict.judge({ ...evidence, reading: { _tag: "Read", records } }).missing.length === 0,
    onWait: print("", "Waiting for OpenObserve to show the records …")
  })
  if (options.html !== undefined) {
    yield* Page.write(options.html, {
      title: `npm run demo: ${basename(options.handler)}, ${functionName}`,
      timeline: played.timeline,
      requests: yield* target.requests,
      records: reading._tag === "Read" ? reading.records : []
    })
  }
  const verdict = Verdict.judge({ ...evidence, reading })
  const isGood = Verdict.isGood(verdict)
  yield* print(
    ...Report.records(reading, target.stream),
    ...Report.time(played.invocations, played.initMs),
    ...Report.ledger(books),
    ...Report.complaints(Books.complaints(played.output)),
    ...Report.verdict(verdict, reading),
    ...(options.html === undefined ? [] : Report.page(options.html)),
    ...(isGood ? Report.hints : [])
  )
  return isGood
}, Effect.scoped)

/** Calls the function, ends the sandbox, and tells what was seen. */
const play = Effect.fnUntraced(function*(calls: ReadonlyArray<Story.Call>) {
  const lambda = yield* LambdaEmulator
  const { initDurationMs } = yield* lambda.start
  const invocations: Array<Invocation> = []
  yield* print(...Report.callsHead)
  for (const { payload, title } of calls) {
    const invocation = yield* lambda.invoke(payload)
    invocations.push(invocation)
    yield* print(...Report.callRow(invocations.length, title, invocation, calls.length))
  }
  yield* lambda.shutdown()
  return {
    initMs: initDurationMs,
    invocations,
    events: yield* lambda.events,
    output: yield* lambda.output,
    timeline: yield* lambda.timeline
  }
})

/** The error that the runtime has reported, without its stack trace; everything it wrote, if there is none. */
const reason = (problem: string): string => {
  const [, errorType, errorMessage] = /"errorType":"([^"]*)","errorMessage":("(?:[^"\\]|\\.)*")/.exec(problem) ?? []
  return errorMessage === undefined ? problem : `${errorType}: ${JSON.parse(errorMessage) as string}`
}

// --- Entry -------------------------------------------------------------------

const exitWith = (code: number) =>
  Effect.sync(() => {
    process.exitCode = code
  })

const main = Effect.suspend(() => {
  // npm runs scripts in the package's directory and says in INIT_CWD where the person stands
  const options = Arguments.parse(process.argv.slice(2), process.env["INIT_CWD"] ?? process.cwd())
  if (Result.isFailure(options)) {
    return Effect.andThen(complain(`${options.failure.message}\n\n${Arguments.usage}`), exitWith(USAGE_EXIT_CODE))
  }
  if (options.success === "help") return print(Arguments.usage)
  return demo(options.success).pipe(
    Effect.flatMap((isGood) => exitWith(isGood ? 0 : 1)),
    Effect.catchTag(
      "DemoError",
      ({ message }) => Effect.andThen(complain(message.replaceAll(/^(?=\S)/gm, "✘ ")), exitWith(1))
    )
  )
})

// `npm run demo | head` is no reason to fail
process.stdout.on("error", () => {})

NodeRuntime.runMain(
  Effect.tapCause(main, (cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : complain(Cause.pretty(cause))),
  {
    disableErrorReporting: true,
    // nothing that is still open keeps the process
    teardown: (exit) =>
      process.exit(
        Exit.isSuccess(exit) ? process.exitCode : Cause.hasInterruptsOnly(exit.cause) ? INTERRUPTED_EXIT_CODE : 1
      )
  }
)
