/**
 * Puts records together again that Lambda has cut. No clock and no I/O: `Intake` says when to let go.
 *
 * A record larger than the subscription's `maxBytes` comes in two posts or more, neither of which is JSON:
 *
 *     [{"time":…,"type":…,"record":"whole"},{"time":T,"type":"function","record":{"message":"first ha}]
 *     [{"time":T,"type":"function","record":lf"}},{"time":…,"type":"platform.runtimeDone",…}]
 *
 * AWS does not document this. DataDog/datadog-lambda-extension pull request 1357 has both posts as production sent them:
 * the second repeats what stands before the value, byte for byte, and goes on with the bytes that follow the cut; the
 * first ends with the brackets of event and array, though the value is not closed. That was a JSON record in two pieces:
 * that strings, and records in more pieces, are cut likewise is an inference. A first post that ends right at the cut is
 * understood as well.
 */
import { JsonScanner } from "../json/JsonScanner.ts"
import * as Memory from "../platform/Memory.ts"
import type { ObjectScanner } from "../json/ObjectScanner.ts"
import { FRAMING } from "./PostRecovery.ts"
import { eventsOf } from "./TelemetryEvent.ts"

const OPEN_ARRAY = Buffer.from("[")
const EXCLAMATION_MARK = 0x21
const COMMA = 0x2c
/** The last of ASCII; it has no meaning in JSON. */
const DELETE = 0x7f
const RECORD_KEY = "\"record\""

/**
 * A surrogate pair that is cut, at the end of a post. Reading mends halves of pairs in place, and only joining shows that
 * this is none.
 */
const CUT_PAIR = /\\u[dD][89abAB][\da-fA-F]{2}(?:\\(?:u[\da-fA-F]{0,3})?)?(?:\}\])?$/

/** The longest of these: `\ud83d\ude0}]`. */
const MAX_CUT_PAIR = 13

/** The one record at a time that is waiting for its rest. */
export class PostJoiner {
  private readonly maxBytes: number
  private fragment: Buffer | undefined
  /** What stands before the cut value, and before its rest; still known when the fragment has been let go. */
  private envelope: Buffer | undefined
  /** The end of the last post, as it came. */
  private tail: Buffer = Buffer.alloc(0)

  /** Records of more bytes than `maxBytes` are not joined. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Bytes of the fragment that is held. */
  get heldBytes(): number {
    return this.fragment?.length ?? 0
  }

  /**
   * What is to be encoded for a post that has come: the post itself, or, when it continues what is held, another that
   * begins with the joined event. Nothing is held any more then.
   */
  join(post: Uint8Array): Uint8Array {
    const joined = this.envelope === undefined ? post : this.joinedTo(this.envelope, post)
    this.envelope = undefined
    this.drop()
    this.tail = Buffer.from(joined.subarray(-MAX_CUT_PAIR))
    return joined
  }

  /** For the post of the last `join`, when it was found broken: holds its end if that is a fragment. */
  hold(post: Uint8Array): boolean {
    const events = scanned(post)
    if (!events.isCut) return false
    const pair = CUT_PAIR.exec(this.tail.toString("latin1"))
    if (pair !== null) post.set(this.tail.subarray(pair.index), post.length - pair[0].length)
    const fragment = Buffer.from(post.subarray(events.start))
    const envelope = envelopeOf(fragment)
    if (envelope === undefined) return false
    this.envelope = envelope
    if (fragment.length <= this.maxBytes) this.fragment = fragment
    return this.fragment !== undefined
  }

  /** Lets go of the fragment. Its rest is still recognised, as no event. */
  drop(): void {
    if (this.fragment !== undefined) Memory.free(this.fragment)
    this.fragment = undefined
  }

  private joinedTo(envelope: Buffer, post: Uint8Array): Uint8Array {
    const { fragment } = this
    if (!isContinuation(post, envelope)) return post
    const rest = post.subarray(OPEN_ARRAY.length + envelope.length)
    if (fragment !== undefined && fragment.length + rest.length <= this.maxBytes) {
      for (const head of headsOf(fragment)) {
        const joined = Buffer.concat([OPEN_ARRAY, head, rest])
        if (isSound(joined)) return joined
        Memory.free(joined)
      }
      // another event of the same moment
      if (isSound(post)) return post
    }
    // no part of the rest may pass for an event
    post[0] = EXCLAMATION_MARK
    return post
  }
}

const isContinuation = (post: Uint8Array, envelope: Buffer): boolean => {
  const start = OPEN_ARRAY.length
  return post[0] === OPEN_ARRAY[0] && envelope.equals(post.subarray(start, start + envelope.length))
}

/**
 * The event's beginning without the framing, or with it when it is none: inside a string nobody can tell, so what was
 * seen in production comes first.
 */
const headsOf = (fragment: Buffer): ReadonlyArray<Buffer> =>
  fragment.subarray(-FRAMING.length).equals(FRAMING) ? [fragment.subarray(0, -FRAMING.length), fragment] : [fragment]

/** Whether all of a post is whole events, but for the last, which may be cut. */
const isSound = (post: Uint8Array): boolean => {
  const { isCut, malformed } = scanned(post)
  return malformed === (isCut ? 1 : 0)
}

/** What reading a post to its end shows, in its own offsets: a character that is cut would be replaced by a longer one. */
const scanned = (post: Uint8Array): Pick<ObjectScanner, "isCut" | "malformed" | "start"> => {
  const ascii = Buffer.from(post)
  for (let at = 0; at < ascii.length; at++) if (ascii[at]! > DELETE) ascii[at] = DELETE
  const events = eventsOf(ascii)
  while (events.next()) { /* to the end */ }
  const { isCut, malformed, start } = events
  Memory.free(ascii)
  return { isCut, malformed, start }
}

/** All of an event before the value of its `record`; `undefined` when it was cut before. */
const envelopeOf = (fragment: Buffer): Buffer | undefined => {
  const scanner = new JsonScanner(fragment)
  for (let at = scanner.space(1);; at = scanner.space(at + 1)) {
    const valueStart = scanner.key(at)
    if (valueStart < 0) return undefined
    const isRecord = fragment.toString("latin1", at, at + RECORD_KEY.length) === RECORD_KEY
    // a copy: it may outlive the fragment
    if (isRecord) return Buffer.from(fragment.subarray(0, valueStart))
    at = scanner.space(scanner.value(valueStart))
    if (fragment[at] !== COMMA) return undefined
  }
}
