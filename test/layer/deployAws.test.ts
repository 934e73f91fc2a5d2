import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import {
  awsEnvironment,
  installAwsCli,
  outcomeOf,
  startAwsStandIn,
  stopAwsStandIn,
  whyWithoutPython
} from "./awsStandIn.ts"
import type { AwsStandIn } from "./awsStandIn.ts"
import { makeDeployment, words, zipWithComment } from "./deployment.ts"
import type { Deployment } from "./deployment.ts"

const without = whyWithoutPython()
if (without !== undefined) process.stderr.write(`Skipped: ${without}.\n`)

describe.skipIf(without !== undefined)("deploy through the AWS CLI", { timeout: 300_000 }, () => {
  let bin: string
  let standIn: AwsStandIn | undefined
  beforeAll(async () => {
    bin = installAwsCli()
    standIn = await startAwsStandIn(bin)
  }, 600_000)
  afterAll(() => standIn === undefined ? undefined : stopAwsStandIn(standIn))

  let deployment: Deployment
  beforeEach(() => void (deployment = makeDeployment()))
  afterEach(() => deployment.remove())

  const deploy = (...args: ReadonlyArray<string>) => deployment.deploy(bin, ...args, `--endpoint-url ${standIn!.url}`)

  /** Asks the stand-in through the CLI, as a user would. */
  const aws = async (...args: ReadonlyArray<string>) => {
    const { code, stderr, stdout } = await outcomeOf(
      join(bin, "aws"),
      [...words(args), "--endpoint-url", standIn!.url, "--output", "json"],
      { cwd: deployment.directory, env: awsEnvironment(deployment.directory, bin) }
    )
    if (code !== 0) throw new Error(stderr)
    return stdout === "" ? undefined : JSON.parse(stdout)
  }
  const versions = async (layer: string): Promise<ReadonlyArray<LayerVersion>> =>
    (await aws("lambda list-layer-versions --region eu-west-1 --layer-name", layer)).LayerVersions

  it("prints commands that a shell can run", async () => {
    const { stdout } = await deploy("--region eu-west-1 --layer-name printed --public")
    expect(await versions("printed-nodejs")).toEqual([])
    const { code, stdout: said } = await deployment.shell(bin, stdout)
    expect(code).toBe(0)
    for (const suffix of ["nodejs", "x86_64", "arm64"]) {
      const [version] = await versions(`printed-${suffix}`)
      expect(said.split("\n")).toContain(version!.LayerVersionArn)
    }
  })

  it("publishes each zip with what it is for", async () => {
    const { code, stdout } = await deploy("--region eu-west-1 --layer-name all --execute")
    expect(code).toBe(0)
    const published = []
    for (const suffix of ["nodejs", "x86_64", "arm64"]) {
      const [version] = await versions(`all-${suffix}`)
      expect(stdout).toMatch(new RegExp(`^eu-west-1 +all-${suffix} +1 +${version!.LayerVersionArn}$`, "m"))
      published.push(version!)
    }
    expect(published.map((version) => version.CompatibleArchitectures)).toEqual([["x86_64", "arm64"], ["x86_64"], [
      "arm64"
    ]])
    expect(published.map((version) => version.CompatibleRuntimes)).toEqual([
      ["nodejs20.x", "nodejs22.x", "nodejs24.x", "nodejs26.x"],
      undefined,
      undefined
    ])
    for (const { Description, LicenseInfo } of published) {
      expect(LicenseInfo).toBe("Apache-2.0")
      expect(Description).toMatch(/^o2-lambda-extension \d+\.\d+\.\d+ \w+, sha256 [0-9a-f]{12}$/)
    }
  })

  it("adds a version each time", async () => {
    const args = "--region eu-west-1 --layer-name again --flavour nodejs --execute"
    await deploy(args)
    writeFileSync(deployment.zipFile("nodejs"), zipWithComment("another"))
    const { stdout } = await deploy(args)
    const [second, first] = await versions("again-nodejs")
    expect([first!.Version, second!.Version]).toEqual([1, 2])
    expect(stdout).toContain(second!.LayerVersionArn)
    expect(first!.Description).not.toBe(second!.Description)
  })

  it("publishes through S3 in every region, for everybody", async () => {
    const bucket = "s3api create-bucket --bucket"
    await aws(bucket, "zips-us-east-1 --region us-east-1")
    await aws(bucket, "zips-eu-west-1 --region eu-west-1 --create-bucket-configuration LocationConstraint=eu-west-1")
    const { code, stdout } = await deploy(
      "--region us-east-1,eu-west-1 --layer-name stored --flavour standalone --arch arm64",
      "--s3-bucket zips-{region} --s3-prefix layers --public --execute"
    )
    expect(code).toBe(0)
    const bytes = readFileSync(deployment.zipFile("arm64"))
    const digest = createHash("sha256").update(bytes).digest()
    for (const region of ["us-east-1", "eu-west-1"]) {
      const { Contents } = await aws(`s3api list-objects-v2 --region ${region} --bucket zips-${region}`)
      expect(Contents).toMatchObject([{ Key: expect.stringMatching(/^layers\/.*arm64.*\.zip$/), Size: bytes.length }])
      expect(Contents[0].Key).toContain(digest.toString("hex").slice(0, 12))
      const one = `--region ${region} --layer-name stored-arm64 --version-number 1`
      const version = await aws("lambda get-layer-version", one)
      expect(version.Content.CodeSha256).toBe(digest.toString("base64"))
      expect(stdout).toContain(version.LayerVersionArn)
      const { Policy } = await aws("lambda get-layer-version-policy", one)
      expect(JSON.parse(Policy).Statement).toMatchObject([
        { Sid: "public", Effect: "Allow", Principal: "*", Action: "lambda:GetLayerVersion" }
      ])
    }
  })

  it("prints a line that attaches the layer", async () => {
    const { stdout } = await deploy("--region eu-west-1 --layer-name attached --flavour nodejs --execute")
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [] })
    const { Role } = await aws(
      `iam create-role --region eu-west-1 --role-name role --assume-role-policy-document ${policy}`
    )
    writeFileSync(join(deployment.directory, "function.zip"), zipWithComment(""))
    await aws(
      "lambda create-function --region eu-west-1 --function-name orders-api --runtime nodejs24.x",
      `--handler index.handler --role ${Role.Arn} --zip-file fileb://function.zip`
    )
    const line = stdout.trim().split("\n").at(-1)!.replace("YOUR_FUNCTION", "orders-api")
    expect(await deployment.shell(bin, line)).toMatchObject({ code: 0 })
    const { Layers } = await aws("lambda get-function-configuration --region eu-west-1 --function-name orders-api")
    const [version] = await versions("attached-nodejs")
    expect(Layers).toMatchObject([{ Arn: version!.LayerVersionArn }])
  })

  it("fails as the AWS CLI fails", async () => {
    const { code, stderr, stdout } = await deploy(
      "--region eu-west-1 --flavour nodejs --s3-bucket no-such-bucket --execute"
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toContain("NoSuchBucket")
  })
})

/** As `list-layer-versions` prints it. */
interface LayerVersion {
  readonly LayerVersionArn: string
  readonly Version: number
  readonly Description: string
  readonly LicenseInfo: string
  readonly CompatibleArchitectures?: ReadonlyArray<string>
  readonly CompatibleRuntimes?: ReadonlyArray<string>
}
