/** The commands for people. Never loaded when the extension runs. */
import * as Effect from "effect/Effect"
import * as HealthCheck from "./HealthCheck.ts"
import * as Output from "../platform/Output.ts"
import * as Version from "../platform/Version.ts"

/** Exit code for a command line that is not understood (the convention of POSIX shells and getopt). */
const USAGE_EXIT_CODE = 2

const usage = `Usage: o2-lambda-extension [command]

Ships the logs and platform events of an AWS Lambda function to OpenObserve.
Without a command it runs as a Lambda extension, which needs AWS_LAMBDA_RUNTIME_API.

Commands:
  health-check, --health-check, -h   check the settings, the way to OpenObserve and the credentials
  --help                             show this text
  --version, -v                      show the version

Settings are environment variables; O2_ORGANIZATION_ID and O2_AUTHORIZATION_HEADER are required.
`

const write = (stream: Output.Name, text: string) =>
  Effect.sync(() => {
    Output.open(stream).write(text)
  })

const exitWith = (code: number) =>
  Effect.sync(() => {
    process.exitCode = code
  })

/** Carries out the command; sets the exit code. */
export const run = (args: ReadonlyArray<string>): Effect.Effect<void> => {
  const [command, ...rest] = args
  switch (rest.length === 0 ? command : undefined) {
    case "health-check":
    case "--health-check":
    case "-h":
      return Effect.flatMap(
        HealthCheck.run((line) => write("stdout", `${line}\n`)),
        (isHealthy) => exitWith(isHealthy ? 0 : 1)
      )
    case "--help":
      return write("stdout", usage)
    case "--version":
    case "-v":
      return write("stdout", `${Version.version}\n`)
  }
  const complaint = command === undefined
    ? "o2-lambda-extension: not under Lambda (AWS_LAMBDA_RUNTIME_API is not set), and no command given\n\n"
    : `o2-lambda-extension: unknown command ${JSON.stringify(args.join(" "))}\n\n`
  return Effect.andThen(write("stderr", complaint + usage), exitWith(USAGE_EXIT_CODE))
}
