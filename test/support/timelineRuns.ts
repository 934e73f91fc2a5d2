/** Runs to draw: short ones to the millisecond, hostile ones, long ones. */
import type { Phase, Timeline } from "../../src/testing/lambda/Timeline.ts"
import type { ReceivedRequest } from "../../src/testing/openobserve/Recorder.ts"
import type { TimelineRun } from "../../src/testing/timeline/Run.ts"

/** When the runs begin: 2026-11-28T09:00:00Z. */
export const START = Date.UTC(2026, 10, 28, 9)

export const EXTENSION = "o2-lambda-extension"

/** The password of the runs' server; nothing that is drawn has it in it. */
export const PASSWORD = "Complexpass#123"
export const AUTHORIZATION = `Basic ${Buffer.from(`root@example.com:${PASSWORD}`).toString("base64")}`

/** The request id of a call, by its number from 0. */
export const requestId = (number: number): string => `0a1b2c3d-0000-4000-8000-${String(number).padStart(12, "0")}`

export const phase = (
  phase: Phase["phase"],
  from: number,
  until: number | undefined,
  more: Partial<Phase> = {}
): Phase => ({
  generation: 1,
  phase,
  from: START + from,
  until: until === undefined ? undefined : START + until,
  outcome: "success",
  requestId: undefined,
  ...more
})

export const invoke = (number: number, from: number, until: number | undefined, more: Partial<Phase> = {}): Phase =>
  phase("invoke", from, until, { requestId: requestId(number), ...more })

export const call = (
  at: number,
  path: string,
  more: Partial<Timeline["calls"][number]> = {}
): Timeline["calls"][number] => ({
  generation: 1,
  at: START + at,
  method: "GET",
  path,
  headers: {},
  body: "",
  status: 200,
  extension: undefined,
  ...more
})

export const runtimeNext = (at: number) => call(at, "/2018-06-01/runtime/invocation/next")

const extensionNext = (at: number) => call(at, "/2020-01-01/extension/event/next", { extension: EXTENSION })

export const registration = (at: number) =>
  call(at, "/2020-01-01/extension/register", {
    method: "POST",
    body: "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}",
    extension: EXTENSION
  })

export const line = (
  at: number,
  text: string,
  more: Partial<Timeline["output"][number]> = {}
): Timeline["output"][number] => ({
  generation: 1,
  at: START + at,
  source: "runtime",
  stream: "stdout",
  line: text,
  ...more
})

export const request = (at: number, body: string, more: Partial<ReceivedRequest> = {}): ReceivedRequest => ({
  method: "POST",
  path: "/api/default/default/_json",
  headers: { authorization: AUTHORIZATION, "content-type": "application/json" },
  wireBytes: body.length,
  body: Buffer.from(body),
  receivedAt: START + at,
  answeredAt: START + at + 2,
  status: 200,
  answer: "{\"code\":200}",
  connection: 1,
  ...more
})

/** A run with these things in it, and nothing else. */
export const runOf = (timeline: Partial<Timeline>, more: Partial<Omit<TimelineRun, "timeline">> = {}): TimelineRun => ({
  title: "A run",
  timeline: { phases: [], freezes: [], posts: [], calls: [], output: [], ...timeline },
  ...more
})

/** A run of two calls: the function takes 10 ms of each, the extension 30 ms more. */
export const twoCalls = (): TimelineRun =>
  runOf({
    phases: [
      phase("init", 0, 100),
      invoke(0, 110, 150),
      invoke(1, 160, 200),
      phase("shutdown", 210, 260, { outcome: "spindown" })
    ],
    freezes: [
      { generation: 1, from: START + 100, until: START + 110 },
      { generation: 1, from: START + 150, until: START + 160 },
      { generation: 1, from: START + 200, until: START + 210 }
    ],
    calls: [
      registration(20),
      extensionNext(40),
      runtimeNext(90),
      runtimeNext(120),
      extensionNext(150),
      runtimeNext(170),
      extensionNext(200)
    ],
    posts: [{ generation: 1, at: START + 130, subscriber: EXTENSION, status: 200, events: 4, bytes: 900, attempt: 1 }],
    output: [line(115, `${requestId(0)} hello`), line(165, "hello again")]
  }, {
    requests: [request(140, `[{"requestId":"${requestId(0)}"}]`)],
    records: [{ _timestamp: (START + 115) * 1000, type: "function", record: "hello", requestid: requestId(0) }]
  })

/** Lines that try to be more than text. */
export const hostileLines: ReadonlyArray<string> = [
  "</script><img src=x onerror=\"hostile = 1\">",
  "<script>hostile = 2</script><!--<script>",
  "\"><svg onload='hostile = 3'>",
  "a\u2028b\u2029c",
  "lone \ud800 surrogates \udc00",
  "\u001b[31mred\u001b[0m\u001b]0;title\u0007\r\u0000",
  "\u202eright to left\u202c",
  `javascript:hostile=4//${"&amp;<&>".repeat(10)}`
]

/** The hostile lines, wherever a stranger's text can stand. */
export const hostileRun = (): TimelineRun => {
  const all = hostileLines.join("\n")
  return runOf({
    phases: [phase("init", 0, 100), invoke(0, 110, 200, { outcome: all, requestId: hostileLines[0]! })],
    calls: [
      call(120, `/${hostileLines[0]}`, { extension: hostileLines[2]!, body: all, headers: { [hostileLines[1]!]: all } })
    ],
    output: hostileLines.map((text, index) => line(130 + index, text)),
    posts: [{ generation: 1, at: START + 150, subscriber: all, status: "failed", events: 1, bytes: 1, attempt: 2 }]
  }, {
    title: hostileLines[0]!,
    requests: [request(160, all, { answer: all, path: `/${all}` })],
    records: hostileLines.map((text) => ({ _timestamp: START * 1000, type: text, record: text, [text]: text })),
    ledger: { received: 1, delivered: 1, [all]: all }
  })
}

/** Many calls, each with nine other things in it; every hundredth comes after a minute, every ninth ends badly. */
export const manyCalls = (count: number): TimelineRun => {
  const at = (number: number) => 200 + number * 50 + Math.floor(number / 100) * 60_000
  const numbers = Array.from({ length: count }, (_, number) => number)
  return runOf({
    phases: [
      phase("init", 0, 200),
      ...numbers.map((number) =>
        invoke(number, at(number), at(number) + 40, { outcome: number % 9 === 4 ? "error" : "success" })
      )
    ],
    freezes: numbers.slice(1).map((number) => ({
      generation: 1,
      from: START + at(number - 1) + 40,
      until: START + at(number)
    })),
    calls: [
      registration(50),
      ...numbers.flatMap((number) => [runtimeNext(at(number) + 8), extensionNext(at(number) + 39)])
    ],
    output: numbers.map((number) => line(at(number) + 3, `${requestId(number)} line ${number}`)),
    posts: numbers.map((number) => ({
      generation: 1,
      at: START + at(number) + 20,
      subscriber: EXTENSION,
      status: 200,
      events: 4,
      bytes: 900,
      attempt: 1
    }))
  }, {
    title: "Many calls",
    requests: numbers.map((number) => request(at(number) + 25, `[{"requestId":"${requestId(number)}"}]`)),
    records: numbers.map((number) => ({
      _timestamp: (START + at(number) + 3) * 1000,
      type: "function",
      record: `line ${number}`,
      requestid: requestId(number)
    }))
  })
}
