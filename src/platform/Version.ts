/** The version, put in by the bundler from package.json. */
declare const O2_LAMBDA_EXTENSION_VERSION: string | undefined

/** Semantic version of this build; "unbundled" when run from source. */
export const version: string = typeof O2_LAMBDA_EXTENSION_VERSION === "string"
  ? O2_LAMBDA_EXTENSION_VERSION
  : "unbundled"
