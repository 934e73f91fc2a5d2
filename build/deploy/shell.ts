/** Commands as lists of words: printed for a shell, or run without one. */
import { spawnSync } from "node:child_process"

/** A program and its arguments. */
export type Command = ReadonlyArray<string>

/** A command that could not be started or failed; what it printed has been shown. */
export class CommandError extends Error {
  override readonly name = "CommandError"
}

/** What stands in a printed command for the version that the publication before it gets. */
export const VERSION_OF_ARN = "${arn##*:}"

/** Renders a command for copy and paste into a POSIX shell. */
export const rendered = (command: Command): string => command.map(quoted).join(" ")

const quoted = (word: string): string => {
  if (word === VERSION_OF_ARN) return `"${word}"`
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** Runs a command and answers with what it prints; its errors go to the terminal as they are. */
export const run = (command: Command): string => {
  const [program = "", ...args] = command
  const { error, signal, status, stdout } = spawnSync(program, args, {
    encoding: "utf8",
    stdio: ["inherit", "pipe", "inherit"]
  })
  if (error !== undefined) {
    throw new CommandError(
      "code" in error && error.code === "ENOENT"
        ? `\`${program}\` is not on PATH: install the AWS CLI, or print the commands with --dry-run.`
        : `\`${program}\` did not start: ${error.message}`
    )
  }
  if (status !== 0) {
    process.stdout.write(stdout)
    throw new CommandError(`exit code ${status ?? signal}: ${rendered(command)}`)
  }
  return stdout.trim()
}
