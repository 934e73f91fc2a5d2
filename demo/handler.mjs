/**
 * The sample function of the demo. It says what its event tells it to say, so that the demo knows every line beforehand.
 *
 * event: { lines: [{ via: "log" | "warn" | "error" | "stdout", text, waitMs? }], failsWith? }
 */
import { setTimeout as sleep } from "node:timers/promises"

const write = {
  log: (text) => console.log(text),
  warn: (text) => console.warn(text),
  error: (text) => console.error(text),
  stdout: (text) => process.stdout.write(`${text}\n`)
}

export const handler = async ({ failsWith, lines }) => {
  for (const { text, via, waitMs = 0 } of lines) {
    if (waitMs > 0) await sleep(waitMs)
    write[via](text)
  }
  if (failsWith !== undefined) throw new Error(failsWith)
  return { written: lines.length }
}
