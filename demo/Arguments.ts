/** The command line of the demo. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

/** The command line is not understood. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { problem: Schema.String }) {
  override get message() {
    return this.problem
  }
}

/** What the demo is asked to do. */
export interface DemoOptions {
  /** Absolute path of the module that exports `handler`. */
  readonly handler: string
  /** Whether it is the demo's own function, whose lines are known beforehand. */
  readonly isOwnHandler: boolean
  readonly invocations: number
  /** The base URL of a real OpenObserve; without it one in memory is used. */
  readonly endpoint: string | undefined
  /** Absolute path of the page to write. */
  readonly html: string | undefined
}

const ownHandler = fileURLToPath(new URL("handler.mjs", import.meta.url))

/** A dozen calls show every kind of line once and take a few seconds. */
const DEFAULT_INVOCATIONS = 12

/** About a minute on a laptop; more belongs into a benchmark. */
const MAX_INVOCATIONS = 1000

/** Lambda's default of 3 s is meant for a machine that does nothing else. */
export const FUNCTION_TIMEOUT_MS = 15_000

export const usage = `Usage: npm run demo [-- options]

Runs a function with the extension attached: a local Lambda calls it, its log lines go to OpenObserve,
and each one is read back and counted. Needs no AWS account; without options nothing leaves this machine.

Options:
  --handler FILE.mjs   call a function of yours (a module that exports "handler") with {"call":1}, {"call":2}, …;
                       it has Lambda's own variables only, and ${FUNCTION_TIMEOUT_MS / 1000} seconds for each call
  --invocations N      how often to call it, 1 to ${MAX_INVOCATIONS} (${DEFAULT_INVOCATIONS})
  --endpoint URL       send to a real OpenObserve; set O2_ORGANIZATION_ID and O2_AUTHORIZATION_HEADER,
                       and O2_STREAM unless a new stream for this run is fine
  --html FILE          write the run as a page for a browser: when Lambda, the function and the extension did what
  --help               show this text

Exit code: 0 when every line arrived exactly once, 1 when not, 2 when the options are wrong.
`

const options = {
  handler: { type: "string" },
  invocations: { type: "string" },
  endpoint: { type: "string" },
  html: { type: "string" },
  help: { type: "boolean" }
} as const

/** Reads the arguments; relative paths count from `directory`. */
export const parse = (
  args: ReadonlyArray<string>,
  directory: string
): Result.Result<DemoOptions | "help", UsageError> => {
  const parsed = Result.try({
    try: () => parseArgs({ args: [...args], options }).values,
    // Node adds advice about positional arguments, which there are none of here
    catch: (error) => new UsageError({ problem: String((error as Error).message).split(". ")[0] ?? "" })
  })
  if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
  const { endpoint, handler, help, html, invocations = String(DEFAULT_INVOCATIONS) } = parsed.success
  if (help === true) return Result.succeed("help")
  if (!/^\d+$/.test(invocations) || Number(invocations) < 1 || Number(invocations) > MAX_INVOCATIONS) {
    return Result.fail(new UsageError({ problem: `--invocations takes a whole number from 1 to ${MAX_INVOCATIONS}` }))
  }
  return Result.succeed({
    handler: handler === undefined ? ownHandler : resolve(directory, handler),
    isOwnHandler: handler === undefined,
    invocations: Number(invocations),
    endpoint,
    html: html === undefined ? undefined : resolve(directory, html)
  })
}
