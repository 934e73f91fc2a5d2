/** What the telemetry stream says about the course of invocations: the platform events that the extension acts on. */
import { stringMember } from "../json/StringMember.ts"

/** A platform event in the form that the extension acts on. */
export type PlatformEvent =
  /** A process starts, or a snapshot is restored; `instanceId` names the execution environment. */
  | { readonly _tag: "EnvironmentStart"; readonly instanceId: string | undefined; readonly isRestore: boolean }
  /** An init has come to its end, one way or the other; it is told up to twice. */
  | { readonly _tag: "InitEnd"; readonly hasFailed: boolean }
  /** A process of the sandbox has failed: in a call, or in the init where no call is named. */
  | { readonly _tag: "Fault"; readonly requestId: string | undefined }
  /** An invocation begins; function lines that follow in the stream are its lines. */
  | { readonly _tag: "InvocationStart"; readonly requestId: string }
  /** The runtime has finished an invocation: nothing of it follows, save what late asynchronous code writes. */
  | {
    readonly _tag: "RuntimeDone"
    readonly requestId: string
    readonly durationMs: number | undefined
    /** The runtime crashed or ran out of time: the platform ends the sandbox's processes. */
    readonly hasFailed: boolean
  }
  /** The invocation's last event. */
  | { readonly _tag: "Report"; readonly requestId: string }
  /** The platform has dropped events: what is waited for may be among them. */
  | { readonly _tag: "Dropped" }

/** Reads the event of the given type; `undefined` for all that do not matter here, and for records of another shape. */
export const parse = (type: string, recordJson: string): PlatformEvent | undefined => {
  if (!TYPES.has(type)) return undefined
  const record: unknown = JSON.parse(recordJson)
  const requestId = stringMember(record, "requestId")
  switch (type) {
    case "platform.initStart":
    case "platform.restoreStart":
      return {
        _tag: "EnvironmentStart",
        instanceId: stringMember(record, "instanceId"),
        isRestore: type === "platform.restoreStart"
      }
    case "platform.initRuntimeDone":
    case "platform.initReport":
      return { _tag: "InitEnd", hasFailed: hasFailed(record) }
    case "platform.fault":
      return { _tag: "Fault", requestId: faultOf(record) }
    case "platform.start":
      return requestId === undefined ? undefined : { _tag: "InvocationStart", requestId }
    case "platform.runtimeDone":
    // the Logs API of sandboxes without `runtimeDone`
    case "platform.end": {
      if (requestId === undefined) return undefined
      return { _tag: "RuntimeDone", requestId, durationMs: durationIn(record), hasFailed: hasFailed(record) }
    }
    case "platform.report":
      return requestId === undefined ? undefined : { _tag: "Report", requestId }
    case "platform.logsDropped":
      return { _tag: "Dropped" }
  }
}

/** The types that are read. */
const TYPES: ReadonlySet<string> = new Set([
  "platform.initStart",
  "platform.restoreStart",
  "platform.initRuntimeDone",
  "platform.initReport",
  "platform.fault",
  "platform.start",
  "platform.runtimeDone",
  "platform.end",
  "platform.report",
  "platform.logsDropped"
])

/** An exception that the runtime has caught is a success, and the Logs API tells no status. */
const hasFailed = (record: unknown): boolean => (stringMember(record, "status") ?? "success") !== "success"

/** The call that a fault names (Logs API): `RequestId: … Error: Runtime exited with error: exit status 1`. */
const faultOf = (record: unknown): string | undefined =>
  typeof record === "string" ? /RequestId: ([\w-]+)/.exec(record)?.[1] : stringMember(record, "requestId")

const durationIn = (record: unknown): number | undefined => {
  const { metrics } = record as { readonly metrics?: { readonly durationMs?: unknown } | null }
  return typeof metrics?.durationMs === "number" ? metrics.durationMs : undefined
}
