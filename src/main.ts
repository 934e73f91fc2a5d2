/** Entry point: the extension under Lambda, a command for everybody else. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Extension from "./Extension.ts"
import { ExtensionsClient } from "./ExtensionsClient.ts"
import * as Layers from "./Layers.ts"
import * as Logger from "./Logger.ts"

const extension = Extension.run.pipe(
  Effect.provide(Layers.layer),
  Effect.catchTags({ ConfigurationError: Extension.refuse, ListenError: Extension.refuse }),
  Effect.tapErrorTag(
    "ExtensionsError",
    (error) => Effect.logFatal("Lambda does not accept the extension; it ends", { cause: error.message })
  ),
  Effect.tapDefect((defect) => Effect.logFatal("the extension has a defect and ends", { defect: String(defect) })),
  Effect.provide(Layer.mergeAll(ExtensionsClient.layer, Logger.layer))
)

// Loading a command's code costs time that only a person at a terminal has.
const command = (args: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.promise(() => import("./CommandLine.ts")), (commandLine) => commandLine.run(args))

const args = process.argv.slice(2)
const isUnderLambda = args.length === 0 && process.env["AWS_LAMBDA_RUNTIME_API"] !== undefined

NodeRuntime.runMain(isUnderLambda ? extension : command(args), {
  disableErrorReporting: true,
  // A signal is an ordinary end. Nothing that is still open keeps the process, save last lines that wait in a full pipe.
  teardown: (exit) => {
    const code = Exit.isSuccess(exit) ? process.exitCode : Cause.hasInterruptsOnly(exit.cause) ? 0 : 1
    process.stdout.write("", () => process.exit(code))
  }
})
