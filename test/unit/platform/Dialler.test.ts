/** Turns, with peers that do as they are told and a clock that stands still. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import { type Call, Dialler, type Progress } from "../../../src/platform/Dialler.ts"
import { errorCode } from "../../../src/platform/ErrorCode.ts"
import { dialWhenCalled } from "../../../src/platform/NamedHost.ts"

/** What the peer behind an address does with the socket that was begun. */
type Peer = (socket: FakeSocket) => void

class FakeSocket extends EventEmitter {
  readonly address: string
  destroyed = false
  constructor(address: string) {
    super()
    this.address = address
  }
  destroy(): void {
    this.destroyed = true
  }
}

const silent: Peer = () => {}
const accepts: Peer = (socket) => queueMicrotask(() => socket.emit("connect"))
const secures: Peer = (socket) =>
  queueMicrotask(() => {
    socket.emit("connect")
    socket.emit("secureConnect")
  })
const refuses: Peer = (socket) => fails(socket, "ECONNREFUSED")
const leadsNowhere: Peer = (socket) => fails(socket, "ENETUNREACH")
const fails = (socket: FakeSocket, code: string) =>
  queueMicrotask(() => socket.emit("error", Object.assign(new Error(code), { code })))

const NOBODY_WAITS = "nobody waits for the connection"

const connect = (dialler: Dialler, call: Call, progress: Progress, url: URL, timeoutMs?: number) => {
  const called = Deferred.makeUnsafe<Call>()
  Deferred.doneUnsafe(called, Effect.succeed(call))
  return dialWhenCalled(called, Effect.succeed(dialler), url, progress, timeoutMs)
}

const name = new URL("http://name.test")
const secureName = new URL("https://name.test")

/** A host whose addresses are its peers' places: `0`, `1`, … */
const hostOf = (peers: Array<Peer>) => {
  const dialler = new Dialler((_, done) => done(null, peers.map((_, index) => String(index))))
  /** One connection, begun; ended by `give up`. */
  const dial = Effect.fnUntraced(function*(url: URL, timeoutMs?: number) {
    const sockets: Array<FakeSocket> = []
    const answers: Array<{ readonly code?: string; readonly socket?: string }> = []
    const progress: Progress = { detail: undefined }
    const call: Call = {
      connect: (address) => {
        const socket = new FakeSocket(address)
        sockets.push(socket)
        peers[Number(address)]!(socket)
        return socket as unknown as Socket
      },
      done: (error, socket) =>
        answers.push(
          error === null
            ? { socket: (socket as unknown as FakeSocket).address }
            : { code: errorCode(error) }
        )
    }
    const fiber = yield* Effect.forkChild(connect(dialler, call, progress, url, timeoutMs))
    yield* TestClock.adjust(0)
    return {
      answers,
      progress,
      sockets,
      tried: () => sockets.map(({ address }) => address).join(" "),
      open: () => sockets.filter(({ destroyed }) => !destroyed).map(({ address }) => address).join(" "),
      giveUp: Fiber.interrupt(fiber)
    }
  })
  return dial
}

describe("Dialler", () => {
  it.effect("connects to the first address, and bothers no other", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([accepts, accepts])(name)
      yield* TestClock.adjust(60_000)
      assert.deepEqual([dialling.answers, dialling.tried()], [[{ socket: "0" }], "0"])
      yield* dialling.giveUp
      assert.deepEqual([dialling.answers, dialling.open()], [[{ socket: "0" }], "0"])
    }))

  it.effect("tries the next address after a turn, without giving up the one before", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([silent, silent, silent])(name, 1500)
      assert.strictEqual(dialling.tried(), "0")
      yield* TestClock.adjust(249)
      assert.strictEqual(dialling.tried(), "0")
      yield* TestClock.adjust(1)
      assert.strictEqual(dialling.tried(), "0 1")
      yield* TestClock.adjust(250)
      assert.deepEqual([dialling.tried(), dialling.open()], ["0 1 2", "0 1 2"])
      dialling.sockets[0]?.emit("connect")
      assert.deepEqual([dialling.answers, dialling.open()], [[{ socket: "0" }], "0"])
    }))

  it.effect("waits for slow addresses when all have been tried", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([silent, silent])(name)
      yield* TestClock.adjust(60_000)
      assert.deepEqual([dialling.answers, dialling.open()], [[], "0 1"])
      dialling.sockets[1]?.emit("connect")
      assert.deepEqual([dialling.answers, dialling.open()], [[{ socket: "1" }], "1"])
    }))

  it.effect("goes on at once where it is refused", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([refuses, refuses, accepts])(name)
      assert.deepEqual([dialling.answers, dialling.tried()], [[{ socket: "2" }], "0 1 2"])
    }))

  it.effect("ends when all have refused, with what a peer has said", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([leadsNowhere, refuses, leadsNowhere])(name)
      assert.deepEqual(dialling.answers, [{ code: "ECONNREFUSED" }])
      assert.strictEqual(dialling.progress.detail, "3 addresses tried")
    }))

  it.effect("waits for the one that has not refused yet", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([silent, refuses])(name)
      yield* TestClock.adjust(60_000)
      assert.deepEqual(dialling.answers, [])
      fails(dialling.sockets[0]!, "ETIMEDOUT")
      yield* TestClock.adjust(0)
      assert.deepEqual(dialling.answers, [{ code: "ECONNREFUSED" }])
    }))

  it.effect("fails for a name without addresses", () =>
    Effect.gen(function*() {
      const { answers, progress } = yield* hostOf([])(name)
      assert.deepEqual([answers, progress.detail], [[{ code: "ENOTFOUND" }], undefined])
    }))

  it.effect("says how far it has come", () =>
    Effect.gen(function*() {
      const { progress } = yield* hostOf([silent, silent, silent])(name)
      assert.strictEqual(progress.detail, "1 of 3 addresses tried")
      yield* TestClock.adjust(500)
      assert.strictEqual(progress.detail, "3 addresses tried")
      assert.isUndefined((yield* hostOf([silent])(name)).progress.detail)
      const unresolved: Progress = { detail: undefined }
      const dialler = new Dialler(() => {})
      const fiber = yield* Effect.forkChild(
        connect(dialler, { connect: () => assert.fail("no address is known"), done: () => {} }, unresolved, name)
      )
      yield* TestClock.adjust(0)
      assert.strictEqual(unresolved.detail, "its name was not resolved")
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("closes all that is not made when nobody waits any longer, and says so once", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf([silent, silent, silent])(name)
      yield* TestClock.adjust(250)
      yield* dialling.giveUp
      assert.deepEqual([dialling.tried(), dialling.open(), dialling.answers], ["0 1", "", [{ code: NOBODY_WAITS }]])
      // too late
      dialling.sockets[0]?.emit("connect")
      fails(dialling.sockets[1]!, "ECONNRESET")
      yield* TestClock.adjust(60_000)
      assert.deepEqual([dialling.tried(), dialling.answers.length], ["0 1", 1])
    }))

  it.effect("gives at least six addresses a turn, however short the time for connecting", () =>
    Effect.gen(function*() {
      const dialling = yield* hostOf(Array.from({ length: 8 }, () => silent))(name, 60)
      yield* TestClock.adjust(59)
      assert.strictEqual(dialling.tried(), "0 1 2 3 4 5")
    }))

  it.effect("begins behind those that had their turn, until all had one", () =>
    Effect.gen(function*() {
      const dial = hostOf([...Array.from({ length: 13 }, () => silent), accepts])
      const attempts: Array<string> = []
      for (let attempt = 0; attempt < 3; attempt++) {
        const dialling = yield* dial(name, 1500)
        yield* TestClock.adjust(1499)
        attempts.push(dialling.tried())
        yield* dialling.giveUp
      }
      // the sixth has had no whole turn when the time is over
      assert.deepEqual(attempts, ["0 1 2 3 4 5", "5 6 7 8 9 10", "10 11 12 13"])
      assert.strictEqual((yield* dial(name, 1500)).tried(), "13")
    }))

  it.effect("does not hold an early end against the address whose turn it was", () =>
    Effect.gen(function*() {
      const dial = hostOf([silent, silent])
      const dialling = yield* dial(name)
      yield* TestClock.adjust(100)
      yield* dialling.giveUp
      assert.strictEqual((yield* dial(name)).tried(), "0")
    }))

  it.effect("passes over an address that accepts and never becomes secure", () =>
    Effect.gen(function*() {
      const dial = hostOf([accepts, secures])
      const dialling = yield* dial(secureName)
      assert.deepEqual(dialling.answers, [{ socket: "0" }])
      yield* dialling.giveUp
      assert.deepEqual((yield* dial(secureName)).answers, [{ socket: "1" }])
      assert.deepEqual((yield* dial(secureName)).answers, [{ socket: "1" }])
    }))

  it.effect("keeps what it knows of one port to itself", () =>
    Effect.gen(function*() {
      const dial = hostOf([silent, accepts])
      yield* dial(name)
      yield* TestClock.adjust(250)
      assert.strictEqual((yield* dial(name)).tried(), "1")
      assert.strictEqual((yield* dial(new URL("http://name.test:8080"))).tried(), "0")
    }))
})
