/** One thing that happened, as the picture and the tables show it. */

/** In which row of the picture; those of an extension go by its name. */
export type Lane =
  | "phases"
  | "function"
  | "lines"
  | "posts"
  | "requests"
  | `extension ${string}`

/** How it is drawn. */
type Shape =
  | "init"
  | "restore"
  | "invoke"
  | "shutdown"
  | "frozen"
  | "runs"
  | "works"
  | "waits"
  | "flush"
  | "request"
  | "post"
  | "call"
  | "line"
  | "error-line"

/** What to think of it: never told by colour alone. */
export type Tone = "plain" | "good" | "bad"

/** One thing that happened; times are epoch ms. */
export interface Entry {
  readonly lane: Lane
  readonly shape: Shape
  readonly tone: Tone
  readonly from: number
  /** The same as `from` for what takes no time; `undefined` while it goes on. */
  readonly until: number | undefined
  readonly generation: number
  /** To which calls it belongs, by their place among the phases `invoke`. */
  readonly calls: ReadonlyArray<number>
  /** A word or two, inside of a bar. */
  readonly mark: string
  /** The sentence in the table. */
  readonly text: string
  readonly details: ReadonlyArray<readonly [name: string, value: string]>
}
