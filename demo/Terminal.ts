/** Plain text for a terminal: colours, columns and cutting what is too wide. */
import * as Effect from "effect/Effect"
import { stripVTControlCharacters, styleText } from "node:util"

type Style = "bold" | "dim" | "green" | "red" | "yellow"

/** Colours are for people: not for files, pipes, or those who do not want them (no-color.org). */
const hasColours = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === ""

/** The text in a colour, where colours are wanted. */
export const paint = (style: Style, text: string): string =>
  hasColours ? styleText(style, text, { validateStream: false }) : text

/** Narrower does not fit the tables, wider is hard to read. */
const WIDTH = { least: 80, usual: 100, most: 120 }

/** Columns of the terminal. */
export const width = Math.min(WIDTH.most, Math.max(WIDTH.least, process.stdout.columns ?? WIDTH.usual))

/** Writes lines to stdout. */
export const print = (...lines: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.sync(() => void process.stdout.write(lines.map((line) => `${line}\n`).join("")))

/** Writes a line to stderr. */
export const complain = (line: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${line}\n`))

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

// East Asian scripts, full-width forms and emoji take two columns
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

const columnsOf = (grapheme: string): number => WIDE.test(grapheme) ? 2 : 1

/** One line of at most `columns`: line breaks and tabs made visible, terminal commands taken out, the rest cut. */
export const oneLine = (text: string, columns: number): string => {
  const visible = stripVTControlCharacters(text)
    .replaceAll("\n", " ⏎ ")
    .replaceAll("\t", " ⇥ ")
    // oxlint-disable-next-line no-control-regex -- nothing that a function writes may steer the terminal
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "·")
  let shown = ""
  let used = 0
  for (const { segment } of graphemes.segment(visible)) {
    const wide = columnsOf(segment)
    if (used + wide > columns - 1) {
      const isWhole = visible.length === shown.length + segment.length && used + wide <= columns
      return shown + (isWhole ? segment : "…")
    }
    shown += segment
    used += wide
  }
  return shown
}

/** A duration with a precision that suits it. */
export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : whole(Math.round(value))} ms`

/** A whole number with a comma before each three digits. */
export const whole = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 })

/** Words in lines of at most `columns`. */
export const wrap = (words: ReadonlyArray<string>, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
