/**
 * Publishes the zips of `npm run layer` as layer versions through the AWS CLI, or prints the commands that do. Notes and
 * errors go to stderr; stdout has the commands (dry run), or the ARNs.
 */
import { readFileSync } from "node:fs"
import { parseDeployArguments, USAGE, UsageError } from "./deploy/arguments.ts"
import type { DeployArguments } from "./deploy/arguments.ts"
import { awsCommand, publicationsOf, ZipError } from "./deploy/publications.ts"
import type { Publication } from "./deploy/publications.ts"
import { CommandError, rendered, run, VERSION_OF_ARN } from "./deploy/shell.ts"

/** What has been published, also when a later command fails. */
interface Published {
  readonly region: string
  readonly layerName: string
  readonly version: string
  readonly arn: string
}

const printCommands = (publications: ReadonlyArray<Publication>): void => {
  console.error("Dry run: nothing is published. Run these commands, or repeat with --execute.\n")
  for (const { permit, publish, upload } of publications) {
    const steps = [
      ...(upload === undefined ? [] : [rendered(upload)]),
      ...(permit === undefined
        ? [rendered(publish)]
        : [`arn=$(${rendered(publish)})`, rendered(permit(VERSION_OF_ARN)), `echo "$arn"`])
    ]
    console.log(steps.join(" &&\n  "))
  }
}

const publishAll = (publications: ReadonlyArray<Publication>, published: Array<Published>): void => {
  for (const { layerName, permit, publish, region, upload } of publications) {
    console.error(`${region}: publishing ${layerName}`)
    if (upload !== undefined) run(upload)
    const arn = run(publish)
    const version = arn.slice(arn.lastIndexOf(":") + 1)
    published.push({ region, layerName, version, arn })
    if (permit !== undefined) run(permit(version))
  }
}

const printPublished = (published: ReadonlyArray<Published>): void => {
  const rows = [
    ["region", "layer", "version", "ARN"],
    ...published.map(({ arn, layerName, region, version }) => [region, layerName, version, arn])
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
}

const printAttachment = (args: DeployArguments, { arn, region }: Published): void => {
  console.log("\nAttach one (this replaces the layers that the function has: name those that stay, too):\n")
  console.log(rendered(awsCommand(args, region, ["lambda", "update-function-configuration"], {
    "function-name": "YOUR_FUNCTION",
    layers: arn
  })))
}

const deploy = (args: DeployArguments): void => {
  if (args.help) return void console.log(USAGE)
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly version: string
  }
  const publications = publicationsOf(args, version)
  if (!args.execute) return printCommands(publications)
  const published: Array<Published> = []
  try {
    publishAll(publications, published)
  } finally {
    if (published[0] !== undefined) {
      printPublished(published)
      printAttachment(args, published[0])
    }
  }
}

try {
  deploy(parseDeployArguments(process.argv.slice(2)))
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`)
    process.exitCode = 2
  } else if (error instanceof ZipError || error instanceof CommandError) {
    console.error(error.message)
    process.exitCode = 1
  } else {
    throw error
  }
}
