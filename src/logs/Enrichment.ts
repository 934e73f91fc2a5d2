/**
 * The members that are added to records: the invocation in whose part of the stream a line stands, and what is known of
 * the function. Kept joined between changes, since nearly all records get the same.
 */
import { stringMember } from "../json/StringMember.ts"
import * as RandomId from "../platform/RandomId.ts"
import type { PlatformEvent } from "../telemetry/PlatformEvent.ts"
import type { FunctionIdentity } from "../lambda/ExtensionsApi.ts"
import type { Member } from "../json/ObjectScanner.ts"
import { ColdStart, type ColdStartOptions } from "./ColdStart.ts"

/** What is added at all, and where this runs. */
export interface EnrichmentOptions extends ColdStartOptions {
  readonly hasMetadata: boolean
  readonly region: string | undefined
  /** What CloudWatch calls the sandbox, where the environment says it. */
  readonly logStreamName?: string | undefined
  /** Names a sandbox that nobody has named; a random id unless given. */
  readonly newInstanceId?: () => string
}

/** A member's name, and the text that puts it behind another. */
export interface Addition {
  readonly name: string
  readonly text: Buffer
}

const OPEN_OBJECT = 0x7b

/** Follows the stream of events and says what is to be added to each. */
export class Enrichment {
  private readonly options: EnrichmentOptions
  private identity: FunctionIdentity = {}
  private readonly coldStart: ColdStart
  private instanceId: string | undefined
  // two sandboxes must not be taken for one
  private ownInstanceId: string | undefined
  private requestId: string | undefined
  private isRestored = false
  // joined; `undefined` after a change of what they say
  private common: Buffer | undefined
  private lines: { readonly requestId: string; readonly joined: Buffer } | undefined

  constructor(options: EnrichmentOptions) {
    this.options = options
    this.coldStart = new ColdStart(options)
    this.instanceId = options.logStreamName
  }

  identify(identity: FunctionIdentity): void {
    this.identity = identity
    this.forgetJoined()
  }

  /** Keeps up with the stream: text lines carry no request id, they belong to the invocation they stand in. */
  follow(event: PlatformEvent, micros: number): void {
    this.coldStart.follow(event, micros)
    switch (event._tag) {
      case "EnvironmentStart":
        if (event.isRestore) this.restore(event.instanceId)
        else if (!this.isRestored) this.instanceId = event.instanceId ?? this.instanceId
        // else the snapshot's own start, told again: all sandboxes restored from it know its name, none is called so
        break
      case "InvocationStart":
        // nobody calls a snapshot: that it was restored has not been told
        if (this.options.isSnapStart === true && !this.isRestored) this.restore(undefined)
        this.requestId = event.requestId
        break
      case "Report":
        // The report of an earlier invocation may come late; it says nothing about the current one.
        if (event.requestId === this.requestId) this.requestId = undefined
        break
      default:
        return
    }
    this.forgetJoined()
  }

  /** Whether only a function's line itself can say of which invocation it is: on Managed Instances invocations mix. */
  get linesNameInvocation(): boolean {
    return this.requestId === undefined || this.options.isManagedInstance
  }

  /** What is added to an event, all together. `isLine`: it is a line of the function's. */
  joinedFor(bytes: Buffer, isLine: boolean, record: Member | undefined): Buffer {
    const requestId = isLine ? this.requestIdOf(bytes, record) : undefined
    if (requestId === undefined) return this.common ??= joined(this.members(undefined))
    if (this.lines?.requestId !== requestId) this.lines = { requestId, joined: joined(this.members(requestId)) }
    return this.lines.joined
  }

  /** The same one by one. */
  eachFor(bytes: Buffer, isLine: boolean, record: Member | undefined): ReadonlyArray<Addition> {
    return this.members(isLine ? this.requestIdOf(bytes, record) : undefined)
  }

  /**
   * What is added to what does not stand in the stream. What is not known of it is left open: which sandbox this is, before
   * the platform has told, and whether it is a cold start, unless it is of the call whose lines are passing.
   */
  additionsFor(requestId: string | undefined): ReadonlyArray<Addition> {
    const isPresent = requestId !== undefined && requestId === this.requestId
    return this.members(undefined).filter(({ name }) =>
      (name !== "faas_instance" || this.instanceId !== undefined) && (name !== "faas_coldstart" || isPresent)
    )
  }

  private restore(instanceId: string | undefined): void {
    this.isRestored = true
    this.instanceId = instanceId
    this.ownInstanceId = undefined
  }

  private forgetJoined(): void {
    this.common = undefined
    this.lines = undefined
  }

  /** The invocation of a function's line, when known. */
  private requestIdOf(bytes: Buffer, record: Member | undefined): string | undefined {
    if (!this.linesNameInvocation) return this.requestId
    if (record === undefined || bytes[record.valueStart] !== OPEN_OBJECT) return undefined
    return stringMember(
      JSON.parse(bytes.toString("utf8", record.valueStart, record.valueEnd)),
      "requestId",
      "AWSRequestId"
    )
  }

  private members(requestId: string | undefined): ReadonlyArray<Addition> {
    const { hasMetadata, newInstanceId = RandomId.make, region } = this.options
    const { accountId, functionName, functionVersion } = this.identity
    const request = addition("requestId", requestId)
    if (!hasMetadata) return request
    return [
      ...request,
      ...addition("faas_name", functionName),
      ...addition("faas_version", functionVersion),
      ...addition("faas_instance", this.instanceId ?? (this.ownInstanceId ??= newInstanceId())),
      ...addition("faas_coldstart", this.coldStart.value),
      ...addition("cloud_region", region),
      ...addition("cloud_account_id", accountId)
    ]
  }
}

const addition = (name: string, value: string | boolean | undefined): ReadonlyArray<Addition> =>
  value === undefined ? [] : [{
    name,
    text: Buffer.from(
      `,${JSON.stringify(name)}:${JSON.stringify(typeof value === "string" ? value.toWellFormed() : value)}`
    )
  }]

const joined = (enrichment: ReadonlyArray<Addition>): Buffer => Buffer.concat(enrichment.map(({ text }) => text))
