/** Arranges a directory with zips to publish, and runs the deploy helper in it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { awsEnvironment, outcomeOf } from "./awsStandIn.ts"
import type { Outcome } from "./awsStandIn.ts"

const script = fileURLToPath(new URL("../../build/deploy.ts", import.meta.url))

/** A directory of one test alone. */
export interface Deployment {
  readonly directory: string
  readonly zipFile: (suffix: string) => string
  /** Runs the helper with `aws` from `bin`; the arguments are divided at blanks. */
  readonly deploy: (bin: string, ...args: ReadonlyArray<string>) => Promise<Outcome>
  readonly deployWithoutAws: (...args: ReadonlyArray<string>) => Promise<Outcome>
  readonly shell: (bin: string, script: string) => Promise<Outcome>
  readonly remove: () => void
}

export const makeDeployment = (): Deployment => {
  const directory = mkdtempSync(join(tmpdir(), "o2 deploy-"))
  const zipFile = (suffix: string) => join(directory, `dist/o2-lambda-extension-${suffix}.zip`)
  const run = (bin: string, program: string, args: ReadonlyArray<string>) =>
    outcomeOf(program, args, { cwd: directory, env: awsEnvironment(directory, bin) })
  mkdirSync(join(directory, "dist"))
  for (const suffix of ["nodejs", "x86_64", "arm64"]) writeFileSync(zipFile(suffix), zipWithComment(""))
  return {
    directory,
    zipFile,
    deploy: (bin, ...args) => run(bin, process.execPath, [script, ...words(args)]),
    deployWithoutAws: (...args) =>
      outcomeOf(process.execPath, [script, ...words(args)], { cwd: directory, env: { PATH: directory } }),
    shell: (bin, script) => run(bin, "sh", ["-c", script]),
    remove: () => rmSync(directory, { recursive: true, force: true })
  }
}

/** Divides texts at blanks. */
export const words = (texts: ReadonlyArray<string>): Array<string> =>
  texts.flatMap((text) => text.split(" ").filter((word) => word !== ""))

/** A zip of its end record alone: what is in a zip does not matter to those who publish it. */
export const zipWithComment = (comment: string): Buffer =>
  Buffer.concat([
    Buffer.from("PK\u0005\u0006"),
    Buffer.alloc(16),
    Buffer.from([comment.length, 0]),
    Buffer.from(comment)
  ])
