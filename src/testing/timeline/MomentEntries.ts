/** What happens at a moment: calls to Lambda's APIs, posts of telemetry, lines. */
import type { Timeline } from "../lambda/Timeline.ts"
import type { Calls } from "./Calls.ts"
import type { Entry } from "./Entry.ts"
import { harmlessHead, harmlessPath } from "./Secrets.ts"

const moment = (at: number) => ({ from: at, until: at })

const isRefused = (status: number | "failed"): boolean => status === "failed" || status >= 400

/** What an API call is about, in a few words. */
const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/runtime\/invocation\/next/, "the runtime asks for the next call"],
  [/runtime\/invocation\/[^/]+\/response/, "the function answers"],
  [/runtime\/invocation\/[^/]+\/error/, "the function answers with an error"],
  [/runtime\/init\/error/, "the runtime reports that its init failed"],
  [/extension\/register/, "registers"],
  [/extension\/event\/next/, "asks for the next event"],
  [/extension\/(?:init|exit)\/error/, "reports an error"],
  [/\/telemetry$|\/logs$/, "subscribes to telemetry"]
]

const callText = (path: string, status: number | undefined): string => {
  const words = WORDS.find(([pattern]) => pattern.test(path))?.[1] ?? `asks for ${harmlessPath(path)}`
  return status !== undefined && isRefused(status) ? `${words}, refused with ${status}` : words
}

/** The calls to the Runtime, Extensions and Telemetry API. */
export const callEntries = ({ calls: apiCalls }: Timeline, calls: Calls): ReadonlyArray<Entry> =>
  apiCalls.map(({ at, body, extension, generation, headers, method, path, status }) => ({
    ...moment(at),
    lane: extension === undefined ? "function" : `extension ${extension}`,
    shape: "call",
    tone: status !== undefined && isRefused(status) ? "bad" : "plain",
    generation,
    calls: calls.of(path, at),
    mark: "",
    text: callText(path, status),
    details: [
      ["call", `${method} ${harmlessPath(path)}`],
      ["status", status === undefined ? "not answered" : String(status)],
      ...(body === "" ? [] : [["body", body] as const]),
      ["head", harmlessHead(headers)]
    ]
  }))

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** The posts of telemetry to subscribers. */
export const postEntries = ({ posts }: Timeline, calls: Calls): ReadonlyArray<Entry> =>
  posts.map(({ at, attempt, bytes, events, generation, status, subscriber }) => ({
    ...moment(at),
    lane: "posts",
    shape: "post",
    tone: isRefused(status) ? "bad" : "good",
    generation,
    calls: calls.at(at),
    mark: String(events),
    text: `${plural(events, "event")} to ${subscriber}: ${status === "failed" ? "no answer" : status}${
      attempt === 1 ? "" : `, attempt ${attempt}`
    }`,
    details: [["bytes", String(bytes)], ["attempt", String(attempt)]]
  }))

/** The lines that processes have written. */
export const lineEntries = ({ output }: Timeline, calls: Calls): ReadonlyArray<Entry> =>
  output.map(({ at, generation, line, source, stream }) => ({
    ...moment(at),
    lane: "lines",
    shape: stream === "stderr" ? "error-line" : "line",
    tone: "plain",
    generation,
    calls: calls.of(line, at),
    mark: "",
    text: line,
    details: [["written by", source === "runtime" ? "the function" : source], ["stream", stream]]
  }))
