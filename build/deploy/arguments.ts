/** What `npm run deploy` takes on its command line. */
import { parseArgs } from "node:util"

export const USAGE = `Usage: npm run deploy -- --region REGION[,REGION…] [options]

Publishes dist/o2-lambda-extension-*.zip as layer versions through the AWS CLI. Without --execute it only prints the
commands.

  --region R[,R2…]       where to publish; layers are regional (may be repeated)
  --flavour F            nodejs, standalone or all (default all)
  --arch A               x86_64, arm64 or all (default all): which standalone zips; the nodejs zip is for both
  --layer-name NAME      default o2-lambda-extension; "-nodejs", "-x86_64" or "-arm64" is appended
  --s3-bucket B          upload through this bucket, which must be in the layer's region; {region} in it is replaced
  --s3-prefix P          folder in that bucket
  --profile P            profile of the AWS CLI
  --endpoint-url URL     another endpoint, for a local stand-in of AWS
  --public               let every AWS account use the published versions
  --dry-run              only print the commands (the default)
  --execute              run them
  --help                 print this
`

/** The command line, checked. */
export interface DeployArguments {
  readonly help: boolean
  readonly execute: boolean
  readonly regions: ReadonlyArray<string>
  readonly flavour: "nodejs" | "standalone" | "all"
  readonly arch: "x86_64" | "arm64" | "all"
  readonly layerName: string
  readonly s3: S3Location | undefined
  readonly profile: string | undefined
  readonly endpointUrl: string | undefined
  readonly isPublic: boolean
}

/** Where zips are put for Lambda to read; `{region}` in the bucket stands for the layer's region. */
interface S3Location {
  readonly bucket: string
  readonly prefix: string
}

/** A command line that cannot be carried out; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** Reads the command line; throws a `UsageError` for anything that it does not know. */
export const parseDeployArguments = (args: ReadonlyArray<string>): DeployArguments => {
  const values = parsed(args)
  const regions = [...new Set(values.region.flatMap((list) => list.split(",")))]
  if (!values.help) {
    if (values.region.length === 0) throw new UsageError("--region is missing")
    for (const region of regions) check("--region", region, REGION)
  }
  if (values.execute && values["dry-run"]) throw new UsageError("--execute and --dry-run exclude each other")
  return {
    help: values.help,
    execute: values.execute,
    regions,
    flavour: oneOf("--flavour", values.flavour, ["nodejs", "standalone", "all"]),
    arch: oneOf("--arch", values.arch, ["x86_64", "arm64", "all"]),
    layerName: check("--layer-name", values["layer-name"], LAYER_NAME),
    s3: s3LocationOf(values["s3-bucket"], values["s3-prefix"], regions),
    profile: values.profile,
    endpointUrl: values["endpoint-url"] === undefined ? undefined : withoutPassword(values["endpoint-url"]),
    isPublic: values.public
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        execute: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        public: { type: "boolean", default: false },
        region: { type: "string", multiple: true, default: [] },
        flavour: { type: "string", default: "all" },
        arch: { type: "string", default: "all" },
        "layer-name": { type: "string", default: "o2-lambda-extension" },
        "s3-bucket": { type: "string" },
        "s3-prefix": { type: "string", default: "" },
        profile: { type: "string" },
        "endpoint-url": { type: "string" }
      }
    }).values
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

const s3LocationOf = (
  bucket: string | undefined,
  prefix: string,
  regions: ReadonlyArray<string>
): S3Location | undefined => {
  if (bucket === undefined) {
    if (prefix !== "") throw new UsageError("--s3-prefix needs --s3-bucket")
    return undefined
  }
  for (const region of regions) check("--s3-bucket", bucket.replaceAll("{region}", region), BUCKET)
  if (regions.length > 1 && !bucket.includes("{region}")) {
    throw new UsageError("--s3-bucket needs {region} in it for several regions: Lambda reads from its own region only")
  }
  return { bucket, prefix: prefix === "" ? "" : check("--s3-prefix", prefix, PREFIX).replace(/^\/+|\/+$/g, "") }
}

const check = (option: string, value: string, { accepts, pattern }: Format): string => {
  if (!pattern.test(value)) throw new UsageError(`${option} takes ${accepts}, not ${JSON.stringify(value)}`)
  return value
}

const oneOf = <A extends string>(option: string, value: string, allowed: ReadonlyArray<A>): A => {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw new UsageError(`${option} takes ${allowed.join(" or ")}, not ${JSON.stringify(value)}`)
  return found
}

/** The dry run prints the URL, so it must not hold a secret. */
const withoutPassword = (url: string): string => {
  if (!URL.canParse(url)) throw new UsageError("--endpoint-url is not a URL")
  if (new URL(url).password !== "") throw new UsageError("--endpoint-url must not hold a password")
  return url
}

// --- Constants ---------------------------------------------------------------

/** What an option takes, in words and as a pattern. */
interface Format {
  readonly accepts: string
  readonly pattern: RegExp
}

const REGION: Format = { accepts: "a region's name such as eu-west-1", pattern: /^[a-z]{2,}(-[a-z]+)+-\d+$/ }

/** Lambda's PublishLayerVersion takes 140 characters; the longest suffix, "-nodejs", has 7. */
const LAYER_NAME: Format = { accepts: "1 to 133 letters, digits, - or _", pattern: /^[\w-]{1,133}$/ }

/** Amazon S3's rules for the names of general purpose buckets. */
const BUCKET: Format = {
  accepts: "the name of a bucket (3 to 63 lower-case letters, digits, . or -)",
  pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
}

/** What the AWS CLI's `S3Bucket=…,S3Key=…` and any shell take without quotes. */
const PREFIX: Format = { accepts: "1 to 500 letters, digits, ., /, - or _", pattern: /^[\w./-]{1,500}$/ }
