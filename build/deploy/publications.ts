/** What has to be done to publish the zips: one publication for each zip and region. */
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import type { DeployArguments } from "./arguments.ts"
import type { Command } from "./shell.ts"

/** One zip in one region, as commands in the order in which they have to run. */
export interface Publication {
  readonly region: string
  readonly layerName: string
  readonly upload: Command | undefined
  /** Prints the ARN of the new version and nothing else. */
  readonly publish: Command
  readonly permit: ((version: string) => Command) | undefined
}

/** A zip that cannot be published; the message says what to do. */
export class ZipError extends Error {
  override readonly name = "ZipError"
}

/** Plans everything before anything is run, so that a missing zip leaves no half of a deployment behind. */
export const publicationsOf = (args: DeployArguments, version: string): ReadonlyArray<Publication> => {
  const zips = ARCHIVES
    .filter(({ flavour }) => args.flavour === "all" || args.flavour === flavour)
    .filter(({ flavour, suffix }) => args.arch === "all" || flavour === "nodejs" || args.arch === suffix)
    .map((archive) => zipOf(archive, args.s3 !== undefined))
  return args.regions.flatMap((region) => zips.map((zip) => publicationOf(args, version, region, zip)))
}

/** Renders a call of the AWS CLI, with where to and in whose name. */
export const awsCommand = (
  args: DeployArguments,
  region: string,
  words: ReadonlyArray<string>,
  options: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
): Command => {
  const named = Object.entries({ region, profile: args.profile, "endpoint-url": args.endpointUrl, ...options })
  return ["aws", ...words, ...named.flatMap(([name, value]) => value === undefined ? [] : [`--${name}`, value].flat())]
}

const publicationOf = (
  args: DeployArguments,
  version: string,
  region: string,
  { archive: { architectures, runtimes, suffix }, path, sha256 }: Zip
): Publication => {
  const layerName = `${args.layerName}-${suffix}`
  const bucket = args.s3?.bucket.replaceAll("{region}", region)
  // named by what is in it: a key is never overwritten by something else
  const file = `o2-lambda-extension-${suffix}-${version}-${sha256}.zip`
  const key = args.s3 === undefined || args.s3.prefix === "" ? file : `${args.s3.prefix}/${file}`
  return {
    region,
    layerName,
    upload: bucket === undefined
      ? undefined
      : [...awsCommand(args, region, ["s3", "cp", path, `s3://${bucket}/${key}`], {}), "--only-show-errors"],
    publish: awsCommand(args, region, ["lambda", "publish-layer-version"], {
      "layer-name": layerName,
      description: `o2-lambda-extension ${version} ${suffix}, sha256 ${sha256}`,
      "license-info": "Apache-2.0",
      "compatible-architectures": architectures,
      "compatible-runtimes": runtimes,
      "zip-file": bucket === undefined ? `fileb://${path}` : undefined,
      content: bucket === undefined ? undefined : `S3Bucket=${bucket},S3Key=${key}`,
      query: "LayerVersionArn",
      output: "text"
    }),
    permit: args.isPublic
      ? (published) =>
        awsCommand(args, region, ["lambda", "add-layer-version-permission"], {
          "layer-name": layerName,
          "version-number": published,
          "statement-id": "public",
          action: "lambda:GetLayerVersion",
          principal: "*",
          query: "RevisionId",
          output: "text"
        })
      : undefined
  }
}

// --- Zips --------------------------------------------------------------------

interface Zip {
  readonly archive: Archive
  /** Relative to the working directory, as the printed commands have it. */
  readonly path: string
  /** The first 12 hexadecimal digits. */
  readonly sha256: string
}

const zipOf = (archive: Archive, isUploaded: boolean): Zip => {
  const path = `dist/o2-lambda-extension-${archive.suffix}.zip`
  if (!existsSync(path)) {
    throw new ZipError(`${path} is missing: run \`npm run layer\` first, which says what it leaves out.`)
  }
  const bytes = readFileSync(path)
  if (!isUploaded && bytes.length > DIRECT_UPLOAD_BYTES) {
    throw new ZipError(
      `${path} has ${bytes.length} bytes, and Lambda takes ${DIRECT_UPLOAD_BYTES} directly: name a bucket with --s3-bucket.`
    )
  }
  return { archive, path, sha256: createHash("sha256").update(bytes).digest("hex").slice(0, 12) }
}

/** Bytes of a zip in the request itself; larger ones have to come through S3 (AWS: "Lambda quotas", 50 MB zipped). */
const DIRECT_UPLOAD_BYTES = 50 * 1024 * 1024

interface Archive {
  readonly suffix: "nodejs" | "x86_64" | "arm64"
  readonly flavour: "nodejs" | "standalone"
  readonly architectures: ReadonlyArray<string>
  readonly runtimes: ReadonlyArray<string> | undefined
}

/** The standalone flavour names no runtimes: Lambda takes 15 at most, and it runs on more. */
const ARCHIVES: ReadonlyArray<Archive> = [
  {
    suffix: "nodejs",
    flavour: "nodejs",
    architectures: ["x86_64", "arm64"],
    runtimes: ["nodejs20.x", "nodejs22.x", "nodejs24.x", "nodejs26.x"]
  },
  { suffix: "x86_64", flavour: "standalone", architectures: ["x86_64"], runtimes: undefined },
  { suffix: "arm64", flavour: "standalone", architectures: ["arm64"], runtimes: undefined }
]
