import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { MemoryBudget } from "../../../src/delivery/MemoryBudget.ts"
import { MAX_QUIET_MS, UnfinishedPosts } from "../../../src/telemetry/UnfinishedPosts.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"

const MAX_BYTES = 100

/** Posts that may hold 100 bytes together, with their watch; `full` is told what makes the memory full. */
const makePosts = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const state = { lost: 0, limit: Infinity }
  const budget: MemoryBudget = new MemoryBudget(() => {
    while (budget.reservedBytes > state.limit && posts.giveWay()) { /* until it fits */ }
  })
  const posts: UnfinishedPosts = new UnfinishedPosts({
    maxBytes: MAX_BYTES,
    reserve: () => budget.reserve(0),
    nowMillis: () => clock.currentTimeMillisUnsafe(),
    onLost: () => state.lost++
  })
  yield* Effect.forkScoped(posts.watch)
  yield* TestClock.adjust(0)
  return { budget, posts, state }
})

const bytes = (count: number) => Buffer.allocUnsafeSlow(count).fill("x")

describe("UnfinishedPosts", () => {
  it.effect("gives a post whose bytes have all come, and what counts them", () =>
    Effect.gen(function*() {
      const { budget, posts, state } = yield* makePosts
      const post = posts.begin()
      post.add(Buffer.from("one "))
      post.add(Buffer.from("post"))
      const whole = post.end()
      assert.strictEqual(whole?.bytes.toString(), "one post")
      assert.deepStrictEqual([whole?.held.bytes, budget.reservedBytes], [8, 8])
      post.giveUp()
      assert.strictEqual(state.lost, 0)
      whole?.held.release()
      assert.strictEqual(budget.reservedBytes, 0)
    }))

  it.effect("puts a post together that comes byte by byte", () =>
    Effect.gen(function*() {
      const { posts } = yield* makePosts
      const text = "0123456789".repeat(10)
      const post = posts.begin()
      for (const letter of text) post.add(Buffer.from(letter))
      assert.strictEqual(post.end()?.bytes.toString(), text)
      const long = new UnfinishedPosts({
        maxBytes: 10_000,
        reserve: () => new MemoryBudget(() => {}).reserve(0),
        nowMillis: () => 0,
        onLost: () => {}
      }).begin()
      const expected = Array.from({ length: 600 }, (_, n) => String(n)).join("")
      for (const [index, letter] of [...expected].entries()) {
        // a large piece between the small
        if (index === 700) long.add(Buffer.alloc(5000, "-"))
        long.add(Buffer.from(letter))
      }
      const whole = expected.slice(0, 700) + "-".repeat(5000) + expected.slice(700)
      assert.isTrue(long.end()?.bytes.equals(Buffer.from(whole)))
    }))

  it.effect("bounds all together: the one that has been quiet for longest is given up", () =>
    Effect.gen(function*() {
      const { budget, posts, state } = yield* makePosts
      const [first, second, third] = [posts.begin(), posts.begin(), posts.begin()]
      first.add(bytes(40))
      second.add(bytes(40))
      first.add(bytes(10))
      assert.strictEqual(state.lost, 0)
      third.add(bytes(20))
      assert.strictEqual(state.lost, 1)
      assert.strictEqual(budget.reservedBytes, 70)
      assert.isUndefined(second.end())
      assert.strictEqual(first.end()?.bytes.length, 50)
      assert.strictEqual(third.end()?.bytes.length, 20)
    }))

  it.effect("gives up a post that is too large by itself, and no other, and frees what still comes of it", () =>
    Effect.gen(function*() {
      const { budget, posts, state } = yield* makePosts
      const other = posts.begin()
      other.add(bytes(1))
      const large = posts.begin()
      const first = bytes(99)
      large.add(first)
      large.add(bytes(2))
      const late = bytes(50)
      large.add(late)
      assert.deepStrictEqual([first.length, late.length], [0, 0])
      assert.isUndefined(large.end())
      assert.deepStrictEqual([state.lost, budget.reservedBytes], [1, 1])
      assert.strictEqual(other.end()?.bytes.length, 1)
    }))

  it.effect("gives way when memory is full, but for the one that Lambda may be sending", () =>
    Effect.gen(function*() {
      const { budget, posts, state } = yield* makePosts
      const broken = posts.begin()
      broken.add(bytes(30))
      const also = posts.begin()
      also.add(bytes(30))
      // nothing has ended since: either may be Lambda's
      assert.isFalse(posts.giveWay())
      const next = posts.begin()
      next.add(bytes(10))
      assert.strictEqual(next.end()?.bytes.length, 10)
      const present = posts.begin()
      state.limit = 60
      present.add(bytes(15))
      assert.strictEqual(state.lost, 1)
      assert.strictEqual(budget.reservedBytes, 55)
      assert.isUndefined(broken.end())
      // the other has time until memory is full again
      present.add(bytes(10))
      assert.isUndefined(also.end())
      assert.isFalse(posts.giveWay())
      assert.strictEqual(present.end()?.bytes.length, 25)
    }))

  it.effect("gives up what has been quiet for ten seconds, however long it takes otherwise", () =>
    Effect.gen(function*() {
      const { budget, posts, state } = yield* makePosts
      const quiet = posts.begin()
      quiet.add(bytes(10))
      const slow = posts.begin()
      for (let count = 0; count < 4; count++) {
        yield* TestClock.adjust(MAX_QUIET_MS / 2 - 1)
        assert.strictEqual(state.lost, count < 2 ? 0 : 1)
        slow.add(bytes(10))
        yield* TestClock.adjust(1)
      }
      assert.isUndefined(quiet.end())
      assert.strictEqual(budget.reservedBytes, 40)
      yield* TestClock.adjust(MAX_QUIET_MS)
      assert.deepStrictEqual([state.lost, budget.reservedBytes], [2, 0])
    }))

  it.effect("lets what has come during a freeze be seen first", () =>
    withFreezes((freeze) =>
      Effect.gen(function*() {
        const { posts, state } = yield* makePosts
        const post = posts.begin()
        post.add(bytes(10))
        yield* TestClock.adjust(1)
        yield* freeze(3_600_000)
        yield* TestClock.adjust(100)
        post.add(bytes(10))
        yield* TestClock.adjust(MAX_QUIET_MS - 1)
        assert.strictEqual(state.lost, 0)
        assert.strictEqual(post.end()?.bytes.length, 20)
      })
    ))

  it.effect("sets one timer for all posts, and none anew while nothing is unfinished", () =>
    Effect.gen(function*() {
      const sleeps: Array<number> = []
      const clock = yield* Clock.Clock
      const spied: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
          Effect.suspend(() => {
            sleeps.push(1)
            return Effect.onExit(clock.sleep(duration), () => Effect.sync(() => void sleeps.pop()))
          })
      })
      yield* Effect.gen(function*() {
        const { posts } = yield* makePosts
        assert.strictEqual(sleeps.length, 0)
        for (let count = 0; count < 3; count++) {
          const post = posts.begin()
          post.add(bytes(1))
          yield* TestClock.adjust(1)
          post.end()
          assert.strictEqual(sleeps.length, 1)
        }
        yield* TestClock.adjust(MAX_QUIET_MS)
        assert.strictEqual(sleeps.length, 0)
      }).pipe(Effect.provideService(Clock.Clock, spied))
    }))
})
