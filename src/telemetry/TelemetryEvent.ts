/**
 * The shape of what the Telemetry API posts: `[{"time":…,"type":…,"record":…}, …]`. Pure, and knows nothing of OpenObserve.
 *
 * A record larger than the subscription's `maxBytes` is cut in the middle, which leaves posts that are not valid JSON
 * (`PostJoiner.ts`), so one broken element must not cost its neighbours (`PostRecovery.ts`).
 */
import type { JsonScanner } from "../json/JsonScanner.ts"
import { isText, lastOfEachKey, type Member, ObjectScanner, textOf } from "../json/ObjectScanner.ts"
import { PostRecovery } from "./PostRecovery.ts"

/** The events of a post, tolerant of anything: what is complete comes out, the rest is counted. */
export const eventsOf = (post: Uint8Array): ObjectScanner => new ObjectScanner(post, recover)

const recover = (scanner: JsonScanner) => new PostRecovery(scanner)

/** An event's members by meaning. */
export interface Shape {
  readonly time: Member | undefined
  readonly type: Member | undefined
  readonly record: Member | undefined
  /** Nothing but these three, each once, their keys without escapes: the bytes can be copied as they are. */
  readonly isPlain: boolean
}

/** Finds what the members of an event are. */
export const shapeOf = (bytes: Buffer, members: ReadonlyArray<Member>): Shape => {
  let time: Member | undefined
  let type: Member | undefined
  let record: Member | undefined
  let isPlain = true
  for (const member of members) {
    if (isKey(bytes, member, "time") && time === undefined) time = member
    else if (isKey(bytes, member, "type") && type === undefined) type = member
    else if (isKey(bytes, member, "record") && record === undefined) record = member
    else isPlain = false
  }
  if (isPlain) return { time, type, record, isPlain }
  const byKey = lastOfEachKey(bytes, members)
  return { time: byKey.get("time"), type: byKey.get("type"), record: byKey.get("record"), isPlain }
}

const isKey = (bytes: Buffer, member: Member, name: string): boolean =>
  isText(bytes, member.keyStart, member.keyEnd, name)

/** An event's type; most are a function's lines, which are not worth decoding. */
export const typeOf = (bytes: Buffer, member: Member | undefined): string => {
  if (member === undefined) return ""
  return isText(bytes, member.valueStart, member.valueEnd, "function") ? "function" : textOf(bytes, member)
}
