import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { makeDeployment } from "./deployment.ts"
import type { Deployment } from "./deployment.ts"

let deployment: Deployment
beforeEach(() => void (deployment = makeDeployment()))
afterEach(() => deployment.remove())

/** Puts an `aws` in place that notes its arguments, and fails in one region. */
const recordingAws = () => {
  const { directory } = deployment
  const source = `import { appendFileSync } from "node:fs"
const args = process.argv.slice(2)
appendFileSync("calls", JSON.stringify(args) + "\\n")
const region = args[args.indexOf("--region") + 1]
if (region === "xx-broken-1") {
  console.error("An error occurred (AccessDenied): not yours")
  process.exit(254)
}
console.log("arn:aws:lambda:" + region + ":111122223333:layer:name:7")
`
  writeFileSync(join(directory, "aws.mjs"), source)
  writeFileSync(join(directory, "aws"), `#!/bin/sh\nexec "${process.execPath}" "${directory}/aws.mjs" "$@"\n`, {
    mode: 0o755
  })
  return directory
}

const callsFile = () => join(deployment.directory, "calls")
const calls = () => readFileSync(callsFile(), "utf8")

describe("deploy", { timeout: 60_000 }, () => {
  it("runs nothing unless told to", async () => {
    const { code, stderr, stdout } = await deployment.deploy(recordingAws(), "--region eu-west-1")
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("Dry run") })
    expect(stdout.trim().split("\n")).toHaveLength(3)
    expect(calls).toThrow("ENOENT")
  })

  it("prints the very commands that it would run", async () => {
    const bin = recordingAws()
    const args = [
      "--region eu-west-1,us-gov-west-1 --s3-bucket zips-{region} --s3-prefix /layers/ --public",
      "--profile it's$(mine) --endpoint-url http://127.0.0.1:1/?a&b"
    ]
    const { stdout } = await deployment.deploy(bin, ...args)
    expect(await deployment.shell(bin, stdout)).toMatchObject({ code: 0, stderr: "" })
    const printed = calls()
    rmSync(callsFile())
    expect(await deployment.deploy(bin, ...args, "--execute")).toMatchObject({ code: 0 })
    expect(calls()).toBe(printed)
    // an upload, a publication and a permission for each of three zips in each of two regions
    expect(printed.trim().split("\n")).toHaveLength(18)
  })

  it("shows the CLI's failure as it is, and what has been published before", async () => {
    const { code, stderr, stdout } = await deployment.deploy(
      recordingAws(),
      "--region eu-west-1 --region xx-broken-1 --flavour nodejs --execute"
    )
    expect(code).toBe(1)
    expect(stderr).toContain("An error occurred (AccessDenied): not yours\n")
    expect(stdout).toContain("arn:aws:lambda:eu-west-1:111122223333:layer:name:7\n")
    expect(stdout).not.toContain("xx-broken-1")
  })

  it("says in one sentence that the AWS CLI is missing", async () => {
    const { code, stderr } = await deployment.deployWithoutAws("--region eu-west-1 --flavour nodejs --execute")
    expect(code).toBe(1)
    expect(stderr.split("\n").slice(1)).toEqual([
      expect.stringMatching(/^`aws` is not on PATH: install the AWS CLI/),
      ""
    ])
  })

  it("says what to do about a missing zip before it publishes any", async () => {
    rmSync(deployment.zipFile("arm64"))
    expect(await deployment.deploy(recordingAws(), "--region eu-west-1 --execute")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "dist/o2-lambda-extension-arm64.zip is missing: run `npm run layer` first, which says what it leaves out.\n"
    })
    expect(calls).toThrow("ENOENT")
  })

  it("asks for a bucket when a zip is over the limit of direct uploads", async () => {
    const bin = recordingAws()
    const args = "--region eu-west-1 --flavour standalone --arch x86_64"
    truncateSync(deployment.zipFile("x86_64"), 52_428_800)
    expect(await deployment.deploy(bin, args)).toMatchObject({ code: 0 })
    truncateSync(deployment.zipFile("x86_64"), 52_428_801)
    expect(await deployment.deploy(bin, args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--s3-bucket")
    })
    expect(await deployment.deploy(bin, args, "--s3-bucket zips")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("aws s3 cp dist/o2-lambda-extension-x86_64.zip s3://zips/o2-lambda-extension-")
    })
  })

  it("explains its options", async () => {
    const { code, stdout } = await deployment.deploy(recordingAws(), "--help")
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Usage: /) })
  })

  it.each([
    { args: "", says: "--region is missing" },
    { args: "--region Ireland", says: "--region" },
    { args: "--region eu-west-1,", says: "--region" },
    { args: "--region eu-west-1 --flavor nodejs", says: "'--flavor'" },
    { args: "--region eu-west-1 --flavour python", says: "nodejs or standalone or all" },
    { args: "--region eu-west-1 --arch armv7", says: "x86_64 or arm64 or all" },
    { args: "--region eu-west-1 --layer-name a:b", says: "--layer-name" },
    { args: "--region eu-west-1 --s3-prefix a", says: "--s3-bucket" },
    { args: "--region eu-west-1,us-east-1 --s3-bucket zips", says: "{region}" },
    { args: "--region eu-west-1 --s3-bucket zips --s3-prefix a,S3Key=b", says: "--s3-prefix" },
    { args: "--region eu-west-1 --endpoint-url http://me:secret@127.0.0.1", says: "password" },
    { args: "--region eu-west-1 --execute --dry-run", says: "exclude" },
    { args: "--region eu-west-1 more", says: "'more'" }
  ])("refuses `$args`", async ({ args, says }) => {
    const { code, stderr, stdout } = await deployment.deploy(recordingAws(), args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr.split("\n")[0]).toContain(says)
    expect(stderr).toContain("Usage: npm run deploy")
    expect(stderr).not.toContain("secret")
  })
})
