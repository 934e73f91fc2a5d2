/** Why an invocation ended as it did, in words for the person who reads a failed test. */
import type { Generation } from "./Generation.ts"
import type { RunningInvocation } from "./RuntimeSlot.ts"

const list = (names: ReadonlyArray<string>): string => names.join(" and ")

/** Who had something left to do at the deadline. */
export const overrunReason = (generation: Generation, invocation: RunningInvocation, timeoutMs: number): string => {
  const when = `when the function timed out after ${timeoutMs} ms`
  if (invocation.outcome === undefined) return `the function had not answered ${when}`
  if (!generation.runtime.isIdle) return `the runtime had answered but not asked for the next invocation ${when}`
  const busy = generation.agents.filter((agent) => agent.wants("INVOKE") && !agent.isIdle).map(({ name }) => name)
  if (busy.length === 0) return `the extensions had not been told of the invocation ${when}`
  return `the extension${busy.length === 1 ? "" : "s"} ${list(busy)} had not asked for the next event ${when}`
}

/** What ended it from outside. */
export const fatalReason = (generation: Generation): string =>
  generation.fatal?.problem ?? "the environment was ended meanwhile"

const errorOf = (body: string): string => {
  try {
    const { errorMessage, errorType } = JSON.parse(body) as { readonly errorType?: unknown; errorMessage?: unknown }
    return `${String(errorType)}: ${String(errorMessage)}`
  } catch {
    return body
  }
}

/** The error that the handler threw, if it did: the environment stays healthy. */
export const handlerReason = ({ outcome }: RunningInvocation): string | undefined =>
  outcome?._tag === "HandlerError" ? `the handler failed: ${errorOf(outcome.body)}` : undefined
