/**
 * Reads what the Extensions API answers, tolerant of everything that can be done without: a process that ends over an odd
 * answer takes the function's call with it. Pure.
 */
import { parsed } from "../json/Parsed.ts"
import { stringMember } from "../json/StringMember.ts"
import { excerpt } from "../platform/ForeignText.ts"

/**
 * What the register answer says about the function; `undefined` where it does not say.
 *
 * @since 0.2.0
 * @category models
 */
export interface FunctionIdentity {
  readonly functionName?: string | undefined
  readonly functionVersion?: string | undefined
  readonly accountId?: string | undefined
}

/**
 * A call to the function, as Lambda announces it to extensions.
 *
 * @since 0.2.0
 * @category models
 */
export interface InvokeEvent {
  readonly eventType: "INVOKE"
  /** Epoch ms at which the function times out. */
  readonly deadlineMs: number
  /** Empty when the event does not say. */
  readonly requestId: string
  /** With the alias or version that was called; absent when the event does not say. */
  readonly invokedFunctionArn?: string
  /** X-Ray's trace header, `Root=…;Parent=…;Sampled=…`; absent when the event does not say. */
  readonly traceHeader?: string
}

/**
 * The end of the sandbox, or of this process in it.
 *
 * @since 0.2.0
 * @category models
 */
export interface ShutdownEvent {
  readonly eventType: "SHUTDOWN"
  /** Epoch ms at which this process is killed. */
  readonly deadlineMs: number
  /** `spindown`, `timeout`, `failure`, or a word of another platform. */
  readonly shutdownReason: string
}

/**
 * What `GET /extension/event/next` answers with.
 *
 * @since 0.2.0
 * @category models
 */
export type NextEvent = InvokeEvent | ShutdownEvent

/** Time that a call is taken to have when its deadline cannot be read: no function's time-out is shorter. */
const MIN_TIMEOUT_MS = 1000

/** Time that Lambda grants at SHUTDOWN. */
const SHUTDOWN_BUDGET_MS = 2000

/** The members of a JSON object; none for anything else. */
const membersOf = (body: string): Readonly<Record<string, unknown>> => {
  const value = parsed(body.replace(/^\ufeff/, ""))
  return typeof value === "object" && value !== null ? { ...value } : {}
}

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const member = <K extends string>(name: K, value: string | undefined): { readonly [_ in K]?: string } =>
  value === undefined ? {} : { [name]: value } as { readonly [_ in K]: string }

/** The function's identity, as far as the register answer has it. */
export const readRegistration = (body: string): FunctionIdentity => {
  const { accountId, functionName, functionVersion } = membersOf(body)
  return {
    functionName: textOf(functionName),
    functionVersion: textOf(functionVersion),
    accountId: textOf(accountId)
  }
}

/** The event, whatever its Content-Type says (SHUTDOWN comes as text/plain); `undefined` when it is none. */
export const readEvent = (body: string, nowMillis: number): NextEvent | undefined => {
  const { deadlineMs, eventType, invokedFunctionArn, requestId, shutdownReason, tracing } = membersOf(body)
  const given = typeof deadlineMs === "string" && /^\d+$/.test(deadlineMs) ? Number(deadlineMs) : deadlineMs
  const deadline = (otherwise: number) =>
    typeof given === "number" && Number.isFinite(given) ? given : nowMillis + otherwise
  switch (String(eventType).toUpperCase()) {
    case "INVOKE":
      return {
        eventType: "INVOKE",
        deadlineMs: deadline(MIN_TIMEOUT_MS),
        requestId: textOf(requestId) ?? "",
        ...member("invokedFunctionArn", textOf(invokedFunctionArn)),
        ...member("traceHeader", stringMember(tracing, "value"))
      }
    case "SHUTDOWN":
      return {
        eventType: "SHUTDOWN",
        deadlineMs: deadline(SHUTDOWN_BUDGET_MS),
        shutdownReason: excerpt(textOf(shutdownReason) ?? "")
      }
  }
}
