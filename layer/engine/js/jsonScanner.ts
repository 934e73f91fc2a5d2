/** Takes the place of `src/json/JsonScanner.ts`, which it extends: keys and values are walked by the engine. */
import { INVALID, JsonScanner as OwnScanner } from "../../../src/json/JsonScanner.ts"

export { CUT, INVALID } from "../../../src/json/JsonScanner.ts"

/** Half a surrogate pair, which is overwritten by the program's own code. */
const MEND = -3

export class JsonScanner extends OwnScanner {
  override key(from: number): number {
    const [valueStart, errorAt] = host.scanKey(this.bytes, from)
    if (valueStart === MEND) return super.key(from)
    if (valueStart === INVALID) this.errorAt = errorAt
    return valueStart
  }

  override value(from: number): number {
    const [end, depthOrErrorAt] = host.scanValue(this.bytes, from)
    if (end === MEND) return super.value(from)
    if (end === INVALID) this.errorAt = depthOrErrorAt
    this.depth = end < 0 ? 0 : depthOrErrorAt
    return end
  }
}
