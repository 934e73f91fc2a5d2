/** What the extension asked of OpenObserve, and the answers. */
import type { Timeline } from "../lambda/Timeline.ts"
import type { ReceivedRequest } from "../openobserve/Recorder.ts"
import type { Calls } from "./Calls.ts"
import type { Entry, Tone } from "./Entry.ts"
import { harmlessHead, harmlessPath } from "./Secrets.ts"

const WORDS: Readonly<Record<string, string>> = {
  aborted: "given up by the client",
  hang: "never answered",
  reset: "connection cut"
}

const toneOf = ({ status }: ReceivedRequest): Tone => typeof status === "number" && status < 400 ? "good" : "bad"

/** The generation whose first phase began last before a moment. */
const generationAt = ({ phases }: Timeline, time: number): number =>
  phases.findLast(({ from }) => from <= time)?.generation ?? phases[0]?.generation ?? 1

/** The requests, and which calls their records name. */
export const requestEntries = (
  requests: ReadonlyArray<ReceivedRequest>,
  timeline: Timeline,
  calls: Calls
): ReadonlyArray<Entry> =>
  requests.map((request) => {
    const { answer, answeredAt, body, connection, headers, method, path, receivedAt, status, wireBytes } = request
    const text = Buffer.from(body).toString("utf8")
    const answered = typeof status === "number" ? String(status) : WORDS[status] ?? status
    return {
      lane: "requests",
      shape: "request",
      tone: toneOf(request),
      from: receivedAt,
      until: answeredAt,
      generation: generationAt(timeline, receivedAt),
      calls: calls.of(text, receivedAt),
      mark: typeof status === "number" ? answered : status,
      text: `${method} ${harmlessPath(path)}: ${answered}`,
      details: [
        ["answer", answer === "" ? answered : `${answered} ${answer}`],
        ["sent", `${wireBytes} bytes, decoded ${body.length}, on connection ${connection}`],
        ["body", text],
        ["head", harmlessHead(headers)]
      ]
    }
  })
