/** Entry point: starts the extension under Lambda, a command for everybody else, and ends the process. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layers from "./Layers.ts"
import * as Output from "./platform/Output.ts"

// Loading a command's code costs time that only a person at a terminal has.
const command = (args: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.promise(() => import("./commands/CommandLine.ts")), (commandLine) => commandLine.run(args))

const args = process.argv.slice(2)
const isUnderLambda = args.length === 0 && (process.env["AWS_LAMBDA_RUNTIME_API"] ?? "") !== ""

NodeRuntime.runMain(isUnderLambda ? Layers.program : command(args), {
  disableErrorReporting: true,
  // A signal is an ordinary end. Nothing that is still open keeps the process, save last lines for a moment.
  teardown: (exit) => {
    const code = Exit.isSuccess(exit) ? process.exitCode : Cause.hasInterruptsOnly(exit.cause) ? 0 : 1
    Output.exit(code)
  }
})
