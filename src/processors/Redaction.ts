/** Finds what must not be stored in a record, and puts something else in its place. Pure. */
import { decoded, spaceEnd, stringEnd, type TextChange, valueEnd, withChanges } from "../json/JsonText.ts"
import { parsed } from "../json/Parsed.ts"
import { MAX_DEPTH } from "../logs/MemberWriter.ts"

const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b

/** What a JSON string may show in another form than JSON.stringify, besides what is written by its number. */
const ODD = /["\\/\p{Cc}\p{Cs}]/u

/** A name that is found by its letters: what is not quoted cannot look like it. */
const PLAIN_NAME = /^[^\s,:\]}"\\/\p{Cc}\p{Cs}][^"\\/\p{Cc}\p{Cs}]*$/u

/** What a value begins with that was nested too deep for OpenObserve, and was written as text. */
const JSON_AS_TEXT = /:"[[{]/

/** What is to be hidden. */
export interface RedactionRules {
  /** What is searched in every string, decoded, at any depth. */
  readonly patterns: ReadonlyArray<RegExp | string>
  /** Names of members whose values are hidden, at any depth. */
  readonly fields: ReadonlyArray<string>
  readonly replacement: string
}

/** A record in which something was hidden. */
export interface Redacted {
  readonly text: string
  /** Whether objects have become strings, which make other columns. */
  readonly hidesObjects: boolean
}

/** What hides it, for one record after the other. */
export class Redaction {
  private readonly replacement: string
  private readonly hidden: string
  private readonly literals: ReadonlyArray<string>
  private readonly expressions: ReadonlyArray<RegExp>
  /** For each literal what stands in the text of a record that has it, unless characters are written by their numbers. */
  private readonly needles: ReadonlyArray<string>
  /** A key to be hidden; `undefined` without any. */
  private readonly field: RegExp | undefined
  /** The same in text, with its quotes and colon; `undefined` where it has to be searched key by key. */
  private readonly fieldInText: RegExp | undefined

  constructor({ fields, patterns, replacement }: RedactionRules) {
    this.replacement = replacement.toWellFormed()
    this.hidden = JSON.stringify(this.replacement)
    this.literals = patterns.filter((pattern) => typeof pattern === "string").filter((pattern) => pattern !== "")
    this.needles = this.literals.map((literal) =>
      literal.split(ODD).reduce((longest, part) => part.length > longest.length ? part : longest)
    )
    this.expressions = patterns.filter((pattern) => typeof pattern !== "string").map(everywhere)
    if (fields.length === 0) return
    const names = fields.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|")
    this.field = new RegExp(`^(?:${names})$`, "iu")
    if (fields.every((name) => PLAIN_NAME.test(name))) {
      this.fieldInText = new RegExp(`"(?:${names})"[ \\t\\n\\r]*:`, "giu")
    }
  }

  /**
   * Hides what is to be hidden in a record, which begins with its time; `undefined` where there is nothing. A pattern that
   * fails is an error, unless it is to hide the whole string.
   */
  apply(text: string, failingHides: boolean): Redacted | undefined {
    const start = text.indexOf(",")
    if (start < 0) return undefined
    const isEscaped = text.includes("\\u")
    const seesStrings = this.expressions.length > 0 || this.needles.some((needle) => isEscaped || text.includes(needle))
    if (!seesStrings && this.field === undefined) return undefined
    const changes = seesStrings || isEscaped || this.fieldInText === undefined || JSON_AS_TEXT.test(text)
      ? this.walk(text, start, failingHides)
      : this.fieldsIn(text, start, this.fieldInText)
    if (changes.length === 0) return undefined
    return {
      text: withChanges(text, changes),
      hidesObjects: changes.some(({ start }) => text.charCodeAt(start) === OPEN_OBJECT)
    }
  }

  /** Finds the keys alone: a quote that nothing escapes, before a plain name, begins a string. */
  private fieldsIn(text: string, from: number, field: RegExp): ReadonlyArray<TextChange> {
    const changes: Array<TextChange> = []
    field.lastIndex = from
    for (let found = field.exec(text); found !== null; found = field.exec(text)) {
      if (text.charCodeAt(found.index - 1) === BACKSLASH) continue
      const start = spaceEnd(text, field.lastIndex)
      const end = field.lastIndex = valueEnd(text, start)
      changes.push({ start, end, text: this.hidden })
    }
    return changes
  }

  /** Looks at every string. */
  private walk(text: string, from: number, failingHides: boolean): ReadonlyArray<TextChange> {
    const changes: Array<TextChange> = []
    for (let at = text.indexOf("\"", from); at >= 0;) {
      const range = { start: at, end: stringEnd(text, at) }
      const behind = spaceEnd(text, range.end)
      at = range.end
      if (text.charCodeAt(behind) === COLON) {
        if (this.field?.test(decoded(text, range)) === true) {
          const start = spaceEnd(text, behind + 1)
          at = valueEnd(text, start)
          changes.push({ start, end: at, text: this.hidden })
        }
      } else {
        const value = decoded(text, range)
        const redacted = this.inString(value, failingHides)
        if (redacted !== value) changes.push({ ...range, text: JSON.stringify(redacted) })
      }
      at = text.indexOf("\"", at)
    }
    return changes
  }

  private inString(value: string, failingHides: boolean): string {
    try {
      return this.hide(isDeepJson(value) ? withChanges(value, this.walk(value, 0, failingHides)) : value)
    } catch (error) {
      if (failingHides) return this.replacement
      throw error
    }
  }

  /** Hides what patterns find. Each sees the text as it was: no two of them leave a part of what both have found. */
  private hide(text: string): string {
    const found: Array<TextChange> = []
    const add = (start: number, length: number) => {
      if (length > 0) found.push({ start, end: start + length, text: this.replacement })
    }
    for (const literal of this.literals) {
      for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + literal.length)) {
        add(at, literal.length)
      }
    }
    for (const expression of this.expressions) {
      if (text.search(expression) < 0) continue
      for (const match of text.matchAll(expression)) add(match.index, match[0].length)
    }
    // half a character may have been hidden
    return found.length === 0 ? text : withChanges(text, apart(found)).toWellFormed()
  }
}

/** A pattern that finds all there is, and remembers nothing. */
const everywhere = ({ flags, source }: RegExp): RegExp => new RegExp(source, `${flags.replace(/[gy]/g, "")}g`)

/** In order, with one in the place of those that overlap. */
const apart = (changes: ReadonlyArray<TextChange>): ReadonlyArray<TextChange> => {
  const merged: Array<TextChange> = []
  for (const change of changes.toSorted((one, other) => one.start - other.start)) {
    const before = merged.at(-1)
    if (before === undefined || before.end <= change.start) merged.push(change)
    else merged[merged.length - 1] = { ...before, end: Math.max(before.end, change.end) }
  }
  return merged
}

/** Whether a string is JSON that may have been nested too deep to be sent as such. */
const isDeepJson = (text: string): boolean =>
  (text.startsWith("{") || text.startsWith("[")) && text.split(/[[{]/, MAX_DEPTH + 2).length > MAX_DEPTH + 1 &&
  parsed(text) !== undefined
