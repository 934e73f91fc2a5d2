/** What others say, in our log lines: a page of a proxy's, an error of 500 000 characters. */

/** Longest text of others that is shown, in characters. */
const MAX_LENGTH = 300

/** The beginning of a text, without half a character at its end. */
export const excerpt = (text: string): string => text.slice(0, MAX_LENGTH).toWellFormed()
