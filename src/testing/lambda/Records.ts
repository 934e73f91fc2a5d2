/** The `record` of function and extension lines, by log format and schema version. */
import { isoTime } from "./Clock.ts"

/** A record as JSON text, and as the string that subscribers of the first schema version get. */
export interface LineRecord {
  readonly json: string
  readonly text: string
}

const isJsonObject = (text: string): boolean => {
  if (!text.startsWith("{")) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * Makes the record of one line or framed message.
 *
 * Text format keeps the line as it is, newline included. JSON format keeps an object as it was written, keys, order and
 * number formats included, and wraps everything else.
 */
export const lineRecord = (logFormat: "Text" | "JSON", text: string, at: number): LineRecord => {
  const asText = JSON.stringify(text)
  if (logFormat === "Text") return { json: asText, text: asText }
  const trimmed = text.trim()
  if (isJsonObject(trimmed)) return { json: trimmed, text: asText }
  const message = text.endsWith("\n") ? text.slice(0, -1) : text
  return { json: JSON.stringify({ timestamp: isoTime(at), level: "INFO", message }), text: asText }
}
