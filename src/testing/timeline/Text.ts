/** Texts of strangers, made harmless: what a function logs is never markup, never steers, never fills the page. */

/** Shown of one text, in characters; the rest is counted. */
const MAX_TEXT_CHARACTERS = 1000

const whole = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 })

/** The least surrogate that ends a pair. */
const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** The beginning of a text, and how much more there is. */
export const shortened = (text: string, limit = MAX_TEXT_CHARACTERS): string => {
  if (text.length <= limit) return text
  const end = isLowSurrogate(text.charCodeAt(limit)) ? limit - 1 : limit
  return `${text.slice(0, end)} … ${whole(text.length - end)} more characters`
}

// Unicode has a picture for each of the C0 control characters, and one for DEL
const CONTROL_PICTURES = 0x2400
const DELETE = 0x7f
const DELETE_PICTURE = "\u2421"

// oxlint-disable-next-line no-control-regex -- these are what is made visible
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/**
 * Control characters, and those that change the direction of writing, as something to see. Line breaks and tabs stay, and
 * so do the joiners that emoji and scripts are made with.
 */
export const visible = (text: string): string =>
  text.toWellFormed().replaceAll(UNSEEN, (character) => {
    const code = character.charCodeAt(0)
    if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code)
    return code === DELETE ? DELETE_PICTURE : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`
  })

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/** A text between tags, or in a quoted attribute. */
export const html = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "")

/** JSON within a script element: nothing in it can end the element or begin a comment. */
export const scriptJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
