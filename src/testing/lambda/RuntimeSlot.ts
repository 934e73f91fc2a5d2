/** The runtime as the platform sees it: its blocked polls, and the invocations handed to it. */
import { now } from "./Clock.ts"
import type { Exchange } from "./Exchange.ts"
import type { InvocationOutcome } from "./Observations.ts"
import type { ManagedProcess } from "./Processes.ts"

/** One invocation while it runs. */
export interface RunningInvocation {
  readonly requestId: string
  readonly payload: string
  readonly deadlineMs: number
  readonly headers: Readonly<Record<string, string>>
  outcome: InvocationOutcome | undefined
  errorType: string | undefined
  /** First byte and last byte of the answer. */
  answerBeganAt: number | undefined
  answeredAt: number | undefined
  producedBytes: number
  hasTimedOut: boolean
}

type RuntimeState = "Started" | "Ready" | "Running" | "InvocationResponse" | "InitError"

// Lambda's limit of a synchronous answer: 6 MiB and some room for the envelope
const maxResponseBytes = 6 * 1024 * 1024 + 100

const tooLarge = `Response payload size exceeded maximum allowed payload size (${maxResponseBytes} bytes).`

/** The state machine of the runtime; on Managed Instances it polls with several workers at once. */
export class RuntimeSlot {
  process: ManagedProcess | undefined
  state: RuntimeState = "Started"
  errorType: string | undefined
  /** When it last polled. */
  readyAt: number | undefined
  readonly #isManaged: boolean
  #polls: Array<Exchange> = []
  readonly #running = new Map<string, RunningInvocation>()

  constructor(isManaged: boolean) {
    this.#isManaged = isManaged
  }

  get hasPolled(): boolean {
    return this.readyAt !== undefined
  }

  get isIdle(): boolean {
    return this.#polls.length > 0
  }

  /** Takes a poll and blocks it. */
  next(exchange: Exchange): void {
    const isAllowed = this.#isManaged || this.state === "Started" || this.state === "InvocationResponse"
    if (!isAllowed) {
      exchange.refuse(
        403,
        "InvalidStateTransition",
        `State transition from ${this.state} to Ready failed for runtime. Error: State transition is not allowed`
      )
      return
    }
    this.state = "Ready"
    this.readyAt = now()
    this.#polls.push(exchange)
  }

  /** Hands an invocation to a waiting poll; answers false when there is none. */
  deliver(invocation: RunningInvocation): boolean {
    const poll = this.#polls.shift()
    if (poll === undefined) return false
    this.#running.set(invocation.requestId, invocation)
    this.state = "Running"
    poll.answer(200, "application/json", invocation.payload, { ...invocation.headers })
    return true
  }

  /** Takes the result of an invocation, or the error its handler threw. */
  result(exchange: Exchange, requestId: string, kind: "Response" | "HandlerError"): void {
    const invocation = this.#running.get(requestId)
    if (invocation?.hasTimedOut === true) return exchange.refuse(410, "InvokeTimeout", "Invoke timeout")
    if (invocation === undefined || invocation.outcome !== undefined) {
      return exchange.refuse(400, "InvalidRequestID", "Invalid request ID")
    }
    invocation.answerBeganAt = exchange.beganAt
    invocation.answeredAt = now()
    invocation.producedBytes = kind === "Response" ? exchange.body.length : 0
    this.state = "InvocationResponse"
    this.#running.delete(requestId)
    if (kind === "Response" && exchange.body.length > maxResponseBytes) {
      const body = JSON.stringify({ errorType: "Function.ResponseSizeTooLarge", errorMessage: tooLarge })
      invocation.outcome = { _tag: "HandlerError", body }
      invocation.errorType = "Function.ResponseSizeTooLarge"
      return exchange.refuse(
        413,
        "RequestEntityTooLarge",
        `Exceeded maximum allowed payload size (${maxResponseBytes} bytes).`
      )
    }
    invocation.outcome = { _tag: kind, body: exchange.body.toString("utf8") }
    const errorType = exchange.header("lambda-runtime-function-error-type")
    if (kind === "HandlerError") invocation.errorType = errorType === "" ? "Runtime.UnknownReason" : errorType
    exchange.accepted()
  }

  /** Takes the report of a failed init. */
  initError(exchange: Exchange): void {
    if (this.state !== "Started") {
      exchange.refuse(
        403,
        "InvalidStateTransition",
        `State transition from ${this.state} to InitError failed for runtime. Error: State transition is not allowed`
      )
      return
    }
    this.state = "InitError"
    const errorType = exchange.header("lambda-runtime-function-error-type")
    this.errorType = errorType === "" ? "Runtime.UnknownReason" : errorType
    exchange.accepted()
  }

  /** Forgets the blocked polls when the generation is over. */
  abandon(): void {
    for (const poll of this.#polls) poll.abandon()
    this.#polls = []
  }
}
