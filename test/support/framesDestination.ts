/** A second destination for tests: frames of bytes instead of JSON, and a server that answers in words of its own. */
import * as Effect from "effect/Effect"
import type { BatchFormat } from "../../src/delivery/BatchFormat.ts"
import type { Destination } from "../../src/delivery/Destination.ts"
import type { EncodedRecords } from "../../src/delivery/EncodedRecords.ts"
import type { Verdict } from "../../src/delivery/Verdict.ts"
import type { TransportResponse } from "../../src/platform/Transport.ts"

const LENGTH_BYTES = 4
const NUMBER_BYTES = 4
const SECRET = "Frames c2VjcmV0"

const nothing = Buffer.alloc(0)

/** Offset behind the frame that begins at `start`. */
const frameEnd = (body: Buffer, start: number): number => start + LENGTH_BYTES + body.readUInt32BE(start)

/** Frames one behind the other, each its length in four bytes and then whatever bytes there are. */
const frames: BatchFormat = {
  open: nothing,
  separator: nothing,
  close: nothing,
  endOf: (body, records) => {
    let end = 0
    for (let index = 0; index < records; index++) end = frameEnd(body, end)
    return end
  }
}

/** The answer to a batch of which some records were refused: their number in four bytes. */
export const refusedFrames = (records: number): string => {
  const count = Buffer.alloc(LENGTH_BYTES)
  count.writeUInt32BE(records)
  return count.toString("latin1")
}

/** The answer table. Whatever else a 202 says was not said by this server. */
const judge = ({ body, status }: TransportResponse, sent: number): Verdict => {
  const detail = `frames: ${status} ${body}`.trimEnd()
  const retry: Verdict = { _tag: "Retry", detail, afterMs: undefined, mayBeStored: status < 300 || status === 502 }
  switch (status) {
    case 202: {
      if (body.length > 1 && body.length !== LENGTH_BYTES) return retry
      const refused = body.length > 1 ? Math.min(sent, Buffer.from(body, "latin1").readUInt32BE()) : 0
      return { _tag: "Accepted", stored: sent - refused, refused, detail: refused > 0 ? "frames: refused" : undefined }
    }
    case 409:
      return { _tag: "Divide", detail, reason: "poison" }
    case 413:
      return { _tag: "Divide", detail, reason: "too_large" }
    case 401:
    case 404:
    case 415:
      return { _tag: "Misconfigured", detail, remedy: "mend what is set for frames" }
  }
  return retry
}

/** The destination; nothing needs to be prepared or rewritten for it. */
export const framesDestination: Destination = {
  name: "frames",
  signal: "traces",
  server: "the frame store",
  url: new URL("https://frames.test/v1/frames"),
  headers: () => ({ "authorization": SECRET, "content-type": "application/octet-stream" }),
  redact: (response) => ({ ...response, body: response.body.replaceAll(SECRET, "***") }),
  unreachableRemedy: "mend the way to the frame store",
  format: frames,
  maxColumns: Infinity,
  probe: nothing,
  judge,
  prepare: () => undefined,
  rewrite: () => Effect.undefined
}

/** What must not stand in any log line. */
export const framesSecret = SECRET

/** Bytes at random, zeros and those of other formats among them; the same for the same number. */
const payloadOf = (n: number, length: number): Buffer => {
  const payload = Buffer.alloc(length)
  let state = n + 1
  for (let index = NUMBER_BYTES; index < length; index++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    payload[index] = state >>> 24
  }
  payload.writeUInt32BE(n)
  return payload
}

/** A frame for each number, of so many bytes with its length, as an encoder hands them over. */
export const framesOf = (numbers: ReadonlyArray<number>, frameBytes = 100): EncodedRecords => {
  const parts = numbers.map((n) => {
    const length = Math.max(NUMBER_BYTES, frameBytes - LENGTH_BYTES)
    const header = Buffer.alloc(LENGTH_BYTES)
    header.writeUInt32BE(length)
    return Buffer.concat([header, payloadOf(n, length)])
  })
  let end = 0
  return {
    bytes: Buffer.concat(parts),
    ends: parts.map((part) => end += part.length),
    oldestTimestamp: Infinity,
    columns: new Set()
  }
}

/** The numbers of the frames in a body; throws when one is not what was encoded. */
export const numbersInFrames = (body: Buffer): Array<number> => {
  const numbers: Array<number> = []
  for (let start = 0; start < body.length;) {
    const end = frameEnd(body, start)
    const payload = body.subarray(start + LENGTH_BYTES, end)
    const n = payload.readUInt32BE()
    if (!payload.equals(payloadOf(n, end - start - LENGTH_BYTES))) throw new Error(`frame ${n} has other bytes`)
    numbers.push(n)
    start = end
  }
  return numbers
}
