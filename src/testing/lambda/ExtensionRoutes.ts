/** The routes of the Extensions API. */
import { Agent } from "./Agent.ts"
import type { Exchange } from "./Exchange.ts"
import { maxExtensions } from "./Generation.ts"
import type { Generation } from "./Generation.ts"
import type { RouteContext } from "./RouteContext.ts"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Finds the extension behind the identifier header, or answers why there is none. */
export const identify = (generation: Generation, exchange: Exchange): Agent | undefined => {
  const identifier = exchange.header("lambda-extension-identifier")
  if (identifier === "") {
    exchange.refuse(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    return undefined
  }
  if (!uuid.test(identifier)) {
    exchange.refuse(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    return undefined
  }
  const agent = generation.agents.find((agent) => agent.identifier === identifier.toLowerCase())
  if (agent === undefined) {
    exchange.refuse(403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${identifier}`)
    return undefined
  }
  exchange.call.extension = agent.name
  return agent
}

const readEvents = (body: string): ReadonlyArray<string> | { readonly problem: string } => {
  try {
    const request = JSON.parse(body) as { readonly events?: unknown; readonly configurationKeys?: unknown } | null
    const { configurationKeys, events = [] } = request ?? {}
    if (Array.isArray(configurationKeys) && configurationKeys.length > 0) {
      return { problem: "configurationKeys are deprecated; unsupported registration request format" }
    }
    if (Array.isArray(events) || events === null) return (events ?? []).map(String)
    return { problem: "json: cannot unmarshal events into a list of strings" }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

const eventProblem = (events: ReadonlyArray<string>, isExternal: boolean, isManaged: boolean): string | undefined => {
  if (!isExternal && isManaged && events.length > 0) return "No events allowed for internal extensions"
  for (const event of events) {
    if (!isExternal && event === "SHUTDOWN") return "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
    const isKnown = event === "SHUTDOWN" || (event === "INVOKE" && !isManaged)
    if (!isKnown) return `${event}: ErrorInvalidEventType`
  }
  return undefined
}

const registerInternal = (generation: Generation, exchange: Exchange, name: string): Agent | undefined => {
  if (generation.runtime.hasPolled) {
    exchange.refuse(403, "Extension.RegistrationClosed", "Extension registration closed already")
    return undefined
  }
  if (generation.agents.some((agent) => agent.name === name)) {
    exchange.refuse(403, "Extension.InvalidExtensionState", "Extension with this name already registered")
    return undefined
  }
  if (generation.agents.length >= maxExtensions) {
    exchange.refuse(403, "Extension.TooManyExtensions", `Extension limit (${maxExtensions}) reached`)
    return undefined
  }
  const agent = new Agent(name, false)
  generation.agents.push(agent)
  return agent
}

/** Registers the caller: as an external extension if a file of that name was started, else as an internal one. */
export const register = ({ generation, settings }: RouteContext, exchange: Exchange): void => {
  const name = exchange.header("lambda-extension-name")
  if (name === "") return exchange.refuse(403, "Extension.InvalidExtensionName", "Empty extension name")
  exchange.call.extension = name
  const events = readEvents(exchange.call.body)
  if ("problem" in events) return exchange.refuse(403, "InvalidRequestFormat", events.problem)
  const external = generation.externals.find((agent) => agent.name === name)
  const problem = eventProblem(events, external !== undefined, settings.isManaged)
  if (problem !== undefined) return exchange.refuse(403, "Extension.InvalidEventType", problem)
  const agent = external ?? registerInternal(generation, exchange, name)
  if (agent === undefined) return
  const stateProblem = agent.register(events)
  if (stateProblem !== undefined) return exchange.refuse(403, "Extension.InvalidExtensionState", stateProblem)
  const features = exchange.header("lambda-extension-accept-feature").split(",").map((feature) => feature.trim())
  exchange.json(200, {
    functionName: settings.functionName,
    functionVersion: settings.functionVersion,
    handler: settings.handler,
    ...(features.includes("accountId") ? { accountId: settings.accountId } : {})
  }, { "Lambda-Extension-Identifier": agent.identifier })
}

/** Blocks the caller until there is an event for it. */
export const next = (_: RouteContext, exchange: Exchange, agent: Agent): void => {
  const problem = agent.next(exchange)
  if (problem !== undefined) exchange.refuse(403, "Extension.InvalidExtensionState", problem)
}

// Managed Instances replace every other form
const managedErrorType = /^Extension\.[A-Z][a-zA-Z]+$/

/** Takes the report of a failure; the caller is expected to exit by itself. */
export const reportError =
  (state: "InitError" | "ExitError") => ({ settings }: RouteContext, exchange: Exchange, agent: Agent): void => {
    const given = exchange.header("lambda-extension-function-error-type")
    if (given === "") {
      return exchange.refuse(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    }
    const errorType = settings.isManaged && !managedErrorType.test(given) ? `Extension.${state}` : given
    const problem = agent.fail(state, errorType)
    if (problem !== undefined) return exchange.refuse(403, "Extension.InvalidExtensionState", problem)
    exchange.accepted()
  }
