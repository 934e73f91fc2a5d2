/** Posts telemetry as Lambda does: what has come together within its delay in one post, one post after the other. */
import * as Http from "node:http"

/** Lambda's shortest delay, which the extension asks for, in ms. */
const DELAY_MS = 25

/** Most events of one post here: as many as make about a MiB, beyond which Lambda makes another post. */
const MAX_EVENTS = 4_000

/** An event of the Telemetry API. */
interface TelemetryEvent {
  readonly time: string
  readonly type: string
  readonly record: unknown
}

/** Where events go. */
export interface Telemetry {
  readonly push: (...events: ReadonlyArray<TelemetryEvent>) => void
  /** In a freeze the whole sandbox stands still, and with it what posts. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Posts what there is; done when everything has been taken. */
  readonly flush: () => Promise<void>
  readonly close: () => void
}

/** Makes one; `onTaken` is told how many function lines a post held that was answered 200. */
export const makeTelemetry = (destination: () => URL, onTaken: (lines: number) => void): Telemetry => {
  const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
  const waiting: Array<TelemetryEvent> = []
  let timer: NodeJS.Timeout | undefined
  let isFrozen = false
  let posting = Promise.resolve()

  const post = (events: ReadonlyArray<TelemetryEvent>) =>
    new Promise<void>((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(events))
      const request = Http.request(
        destination(),
        { method: "POST", agent, headers: { "content-length": body.length } },
        (response) => {
          response.resume()
          response.once("end", () => {
            if (response.statusCode === 200) onTaken(events.filter(({ type }) => type === "function").length)
            resolve()
          })
        }
      )
      request.once("error", reject)
      request.end(body)
    })

  const postAll = () => {
    clearTimeout(timer)
    timer = undefined
    while (waiting.length > 0) {
      const events = waiting.splice(0, MAX_EVENTS)
      // after the end nobody listens, which the ledger and the server show
      posting = posting.then(() => post(events)).catch(() => {})
    }
    return posting
  }

  const startTimer = () => {
    if (!isFrozen && waiting.length > 0) timer ??= setTimeout(() => void postAll(), DELAY_MS)
  }

  return {
    push: (...events) => {
      waiting.push(...events)
      startTimer()
    },
    freeze: () => {
      isFrozen = true
      clearTimeout(timer)
      timer = undefined
    },
    thaw: () => {
      isFrozen = false
      startTimer()
    },
    flush: postAll,
    close: () => {
      clearTimeout(timer)
      agent.destroy()
    }
  }
}
