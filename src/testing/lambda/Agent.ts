/** An extension as the platform sees it: its state, its blocked poll, and the events that wait for it. */
import { randomUUID } from "node:crypto"
import { now } from "./Clock.ts"
import type { Exchange } from "./Exchange.ts"
import { goJson } from "./Exchange.ts"
import type { ManagedProcess } from "./Processes.ts"

/** The states of an extension, in the words of `platform.extension`. */
export type AgentState =
  | "Started"
  | "Registered"
  | "Ready"
  | "Running"
  | "Exited"
  | "ShutdownFailed"
  | "InitError"
  | "ExitError"
  | "LaunchError"

/** An event for an extension. */
export interface AgentEvent {
  readonly eventType: "INVOKE" | "SHUTDOWN"
  readonly body: Readonly<Record<string, unknown>>
}

const notAllowed = "State transition is not allowed"

/** One external or internal extension of one generation. */
export class Agent {
  readonly name: string
  readonly isExternal: boolean
  identifier = ""
  state: AgentState = "Started"
  events: ReadonlyArray<string> = []
  process: ManagedProcess | undefined
  /** When it last polled: the end of its init, or of its part of an invocation. */
  readyAt: number | undefined
  errorType: string | undefined
  wasKilled = false
  #poll: Exchange | undefined
  #waiting: Array<AgentEvent> = []

  constructor(name: string, isExternal: boolean) {
    this.name = name
    this.isExternal = isExternal
  }

  /** True once it has registered, whatever has happened since. */
  get isRegistered(): boolean {
    return this.identifier !== ""
  }

  /** True when it waits in `/next` and has nothing left to do. */
  get isIdle(): boolean {
    return this.state === "Ready" && this.#waiting.length === 0
  }

  wants(eventType: AgentEvent["eventType"]): boolean {
    return this.events.includes(eventType)
  }

  /** Registers it under a new identifier; answers what is wrong when that is not allowed. */
  register(events: ReadonlyArray<string>): string | undefined {
    if (this.state !== "Started") return this.#transitionError("Registered", this.name)
    this.state = "Registered"
    this.identifier = randomUUID()
    this.events = events
    return undefined
  }

  /** Takes a poll: blocks it, or answers it with an event that has been waiting. */
  next(exchange: Exchange): string | undefined {
    if (this.state !== "Registered" && this.state !== "Running") return this.#transitionError("Ready", this.identifier)
    this.state = "Ready"
    this.readyAt = now()
    this.#poll = exchange
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) this.deliver(waiting)
    return undefined
  }

  /** Hands an event out at once when it polls, else with its next poll. */
  deliver(event: AgentEvent): void {
    const poll = this.#poll
    if (this.state !== "Ready" || poll === undefined) {
      this.#waiting.push(event)
      return
    }
    this.#poll = undefined
    this.state = "Running"
    const body = goJson(event.body)
    if (event.eventType === "INVOKE") {
      poll.answer(200, "application/json", body, { "Lambda-Extension-Event-Identifier": randomUUID() })
    } else {
      // neither an identifier nor a type of its own: Go guesses this one from the bytes
      poll.answer(200, "text/plain; charset=utf-8", body)
    }
  }

  /** Takes a report of a failed init or of a failure before exiting. */
  fail(state: "InitError" | "ExitError", errorType: string): string | undefined {
    const allowed: ReadonlyArray<AgentState> = state === "InitError"
      ? ["Registered", "InitError"]
      : ["Registered", "Ready", "Running", "ExitError"]
    if (!allowed.includes(this.state)) return this.#transitionError(state, this.identifier)
    this.state = state
    this.errorType = errorType
    return undefined
  }

  /** Forgets a blocked poll when the generation is over. */
  abandon(): void {
    this.#poll?.abandon()
    this.#poll = undefined
  }

  #transitionError(to: AgentState, subject: string): string {
    return `State transition from ${this.state} to ${to} failed for extension ${subject}. Error: ${notAllowed}`
  }
}
