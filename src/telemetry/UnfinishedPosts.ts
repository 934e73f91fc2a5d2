/**
 * Posts of which something is still to come. Anything in the sandbox can begin posts and leave them so: together they
 * hold no more than one post may have, give way before records do, and have an age.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Reservation } from "../delivery/MemoryBudget.ts"
import * as Freeze from "../platform/Freeze.ts"
import * as Memory from "../platform/Memory.ts"

/** A post without another byte for so long is given up, in ms: Lambda sends one in a few, from the same machine. */
export const MAX_QUIET_MS = 10_000

/** A piece of a post that is shorter than this, in bytes, weighs less than what the engine needs to keep it. */
const SMALL_BYTES = 4096

/** So many small pieces one behind the other become one: a post may come byte by byte. */
const MAX_SMALL_PIECES = 256

/** What unfinished posts depend on. */
export interface Surroundings {
  /** What all of them may hold together, and so one alone, in bytes. */
  readonly maxBytes: number
  readonly reserve: () => Reservation
  readonly nowMillis: () => number
  /** A post has been given up. */
  readonly onLost: () => void
}

/** One post. Once it is given up nothing is kept of it. */
export interface UnfinishedPost {
  readonly add: (piece: Buffer) => void
  /** All has come; the bytes, with what counts them, unless it has been given up. */
  readonly end: () => { readonly bytes: Buffer; readonly held: Reservation } | undefined
  readonly giveUp: () => void
}

export class UnfinishedPosts {
  private readonly surroundings: Surroundings
  /** The one that has been quiet for longest first. */
  private readonly posts = new Set<Post>()
  private bytes = 0
  private begun = 0
  /** The last of the posts that have ended. */
  private lastEnded = 0
  private readonly some = Latch.makeUnsafe(false)

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  begin(): UnfinishedPost {
    const post = new Post(++this.begun, this.surroundings.reserve(), this.surroundings.nowMillis())
    this.posts.add(post)
    this.some.openUnsafe()
    return { add: (piece) => this.add(post, piece), end: () => this.end(post), giveUp: () => this.giveUp(post) }
  }

  /**
   * Gives up one that is not Lambda's, if there is any, or broken off: Lambda sends one post after the other, so nothing is
   * to be expected of one when a later one has ended. Says whether that has freed anything.
   */
  giveWay(): boolean {
    for (const post of this.posts) {
      if (post.number >= this.lastEnded || post.size === 0) continue
      this.giveUp(post)
      return true
    }
    return false
  }

  /**
   * Gives up what has been quiet for too long. One timer serves all posts, since nearly all end within a moment; it is
   * not set anew while nothing is unfinished.
   */
  readonly watch: Effect.Effect<never> = Effect.gen({ self: this }, function*() {
    for (;;) {
      yield* this.some.await
      const [quietest] = this.posts
      if (quietest === undefined) {
        this.some.closeUnsafe()
        continue
      }
      // a freeze makes the timer late, and the rest may have come meanwhile
      yield* Freeze.sleep(Math.max(0, quietest.lastByteAt + MAX_QUIET_MS - this.surroundings.nowMillis()))
      const latest = this.surroundings.nowMillis() - MAX_QUIET_MS
      for (const post of this.posts) if (post.lastByteAt <= latest) this.giveUp(post)
    }
  })

  private add(post: Post, piece: Buffer): void {
    // too large by itself
    if (post.size + piece.length > this.surroundings.maxBytes) this.giveUp(post)
    if (!this.posts.has(post)) return Memory.free(piece)
    for (const other of this.posts) {
      if (this.bytes + piece.length <= this.surroundings.maxBytes) break
      if (other !== post) this.giveUp(other)
    }
    this.posts.delete(post)
    this.posts.add(post)
    this.bytes += piece.length
    post.add(piece, this.surroundings.nowMillis())
    // last: what is over the bound gives way, and this post may be the first to do so
    post.held.add(piece.length)
  }

  private end(post: Post) {
    if (!this.remove(post)) return undefined
    this.lastEnded = Math.max(this.lastEnded, post.number)
    return { bytes: post.joined(), held: post.held }
  }

  private giveUp(post: Post): void {
    if (!this.remove(post)) return
    post.free()
    post.held.release()
    this.surroundings.onLost()
  }

  /** False when it is not there any more. */
  private remove(post: Post): boolean {
    if (!this.posts.delete(post)) return false
    this.bytes -= post.size
    return true
  }
}

/** The pieces of a post. */
class Post {
  /** In the order in which they were begun, from 1. */
  readonly number: number
  readonly held: Reservation
  lastByteAt: number
  size = 0
  private pieces: Array<Buffer> = []
  /** How many at the end are small. */
  private small = 0

  constructor(number: number, held: Reservation, nowMillis: number) {
    this.number = number
    this.held = held
    this.lastByteAt = nowMillis
  }

  add(piece: Buffer, nowMillis: number): void {
    this.lastByteAt = nowMillis
    this.size += piece.length
    this.pieces.push(piece)
    this.small = piece.length < SMALL_BYTES ? this.small + 1 : 0
    if (this.small < MAX_SMALL_PIECES) return
    this.pieces.push(join(this.pieces.splice(-MAX_SMALL_PIECES)))
    this.small = 0
  }

  joined(): Buffer {
    const { pieces } = this
    this.pieces = []
    return pieces.length === 1 ? pieces[0]! : join(pieces)
  }

  free(): void {
    this.pieces.forEach(Memory.free)
    this.pieces = []
  }
}

/** One behind the other in memory of their own. */
const join = (pieces: ReadonlyArray<Buffer>): Buffer => {
  const joined = Buffer.concat(pieces)
  pieces.forEach(Memory.free)
  return joined
}
