/** JSON in memory: numbers stay exact, and no key is special. */

/** A number that is neither an i64 nor a u64, as it was written. */
export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  /** Whether it is a finite double written as one; anything else ends up as text in a column. */
  get isFloat(): boolean {
    return /[.eE]/.test(this.text) && Number.isFinite(Number(this.text))
  }
}

/** A JSON value; integers beyond 2^53 are bigints, objects are maps so that no key is special. */
export type JsonValue =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonNumber
  | ReadonlyArray<JsonValue>
  | JsonObject

/** A JSON object; of duplicate keys the last one has won. */
export type JsonObject = ReadonlyMap<string, JsonValue>
