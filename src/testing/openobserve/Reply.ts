/** How a `_json` post ends: with the server's answer, or the way a fault wants it. */
import { type Answer, empty, failure } from "./Answer.ts"
import type { Treatment } from "./Api.ts"
import * as Exchange from "./Exchange.ts"
import type { BodyFault, FaultTarget } from "./Faults.ts"
import type { Entry } from "./Recorder.ts"

/** A request that has been read, and what the server would say to it. */
export interface Pending {
  readonly exchange: Exchange.Exchange
  readonly entry: Entry
  readonly target: FaultTarget
  readonly isCloud: boolean
  /** Handles the batch and answers; `"panic"` when the server would drop the connection. */
  readonly handle: (treatment: Treatment) => Answer | "panic"
}

/** Bytes no HTTP client can read as an answer. */
const NOT_HTTP = "\u0015\u0003\u0003\u0000\u0002\u0002\u0028 this is not HTTP\r\n\r\n"

/** Ends the request. */
export const reply = (pending: Pending, fault: BodyFault | undefined): void => {
  const { entry, exchange, handle, isCloud, target } = pending
  switch (fault?._tag) {
    case undefined:
      return finish(pending, handle("keep"))
    case "Answer": {
      if (fault.stores === true) handle("keep")
      const { body = "", headers = {}, status } = fault
      return finish(pending, { status, headers: { ...contentType(body), ...headers }, body })
    }
    case "Refusal":
      return finish(pending, failure(isCloud ? fault.cloudStatus : fault.status, fault.message(target)))
    case "RetryAfter":
      return finish(pending, empty(fault.status, { "retry-after": String(fault.seconds) }))
    case "Redirect":
      return finish(pending, empty(fault.status, { location: fault.location }))
    case "StoredNothing":
      return finish(pending, handle("drop"))
    case "ClaimsStored":
      return finish(pending, handle("count"))
    case "ResetAfterStoring":
      handle("keep")
      entry.settle("reset")
      return Exchange.reset(exchange)
    case "ResetBeforeStoring":
      entry.settle("reset")
      return Exchange.reset(exchange)
    case "HangBeforeHeaders":
      return entry.settle("hang")
    case "HangInBody":
      return stored(pending, (answer) => entry.settle("hang", Exchange.sendHalf(exchange, answer)))
    case "SlowBody":
      return stored(pending, (answer) => {
        entry.settle(answer.status, answer.body)
        Exchange.sendSlowly(exchange, answer, fault.bytesPerSecond)
      })
    case "HugeAnswer":
      return stored(pending, (answer) => {
        entry.settle(answer.status, answer.body)
        Exchange.sendHuge(exchange, answer, fault.bytes)
      })
    case "Garbage":
      entry.settle("reset", NOT_HTTP)
      return Exchange.sendGarbage(exchange, NOT_HTTP)
    case "RefusesRecords":
      return finish(pending, handle({ refuses: fault.containing }))
  }
}

const finish = ({ entry, exchange }: Pending, answer: Answer | "panic"): void => {
  if (answer === "panic") {
    entry.settle("reset")
    return Exchange.drop(exchange)
  }
  entry.settle(answer.status, answer.body)
  Exchange.send(exchange, answer)
}

/** Stores the batch, then lets the fault send the answer. */
const stored = (pending: Pending, send: (answer: Answer) => void): void => {
  const answer = pending.handle("keep")
  return answer === "panic" ? finish(pending, answer) : send(answer)
}

const contentType = (body: string): Readonly<Record<string, string>> => {
  if (body === "") return {}
  return { "content-type": body.startsWith("{") ? "application/json" : "text/plain; charset=utf-8" }
}
