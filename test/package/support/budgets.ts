/** What the package may cost those who install it; docs/decisions/0021-package.md has the second table. */

/** Everything that `npm install o2-lambda-extension effect` brings. */
export const INSTALLED_PACKAGES = ["effect", "fastest-levenshtein", "o2-lambda-extension"]

/** Bytes of what is ours in that. */
export const MAX_PACKAGE_BYTES = 1700 * 1024

/** A program, and KiB of its bundle, `effect` included, minified. */
export interface Bundle {
  readonly program: string
  readonly maxKiB: number
}

const whole = (module: string, maxKiB: number): Bundle => ({
  program: `import * as ${module || "Whole"} from "o2-lambda-extension${module && `/${module}`}"`,
  maxKiB
})

const part = (name: string, module: string, maxKiB: number): Bundle => ({
  program: `import { ${name} } from "o2-lambda-extension/${module}"`,
  maxKiB
})

/** A module as a whole is the most that it can cost; below, what a program with one use of it pays. */
export const BUNDLES: ReadonlyArray<Bundle> = [
  whole("", 294),
  whole("Extension", 259),
  whole("Layers", 214),
  whole("Ledger", 50),
  whole("OpenObserve", 193),
  whole("OpenObserveLogger", 48),
  whole("Processor", 8),
  whole("Records", 17),
  whole("Telemetry", 16),
  whole("Transport", 94),
  whole("testing", 245),
  part("run", "Extension", 259),
  part("layer", "OpenObserve", 191),
  part("redact", "Processor", 4),
  part("Ledger", "Ledger", 41),
  part("Records", "Records", 16),
  part("layerHttpClient", "Transport", 88),
  part("OpenObserveDouble", "testing", 123)
]
