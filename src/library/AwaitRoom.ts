/** How long who adds records waits for room in the buffer: as long as the server takes any. */
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { LogBuffer } from "../delivery/Buffer.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"

/**
 * How long an outage may have lasted, in ms, while who adds still waits for room: a server that is restarted is back by then,
 * and a program that serves others must not stand still for as long as its logs are not taken.
 */
const PATIENCE_MS = 10_000

/** How soon somebody who waits looks again when nothing is given back, in ms. */
export const LOOK_AGAIN_MS = 250

/**
 * Makes what waits until so many bytes more find room in the buffer: a slow server slows down who adds. In an outage only until
 * it has lasted for 10 s; then there is room for nothing but what takes the place of the oldest.
 */
export const make = Effect.gen(function*() {
  const { maxBufferBytes } = yield* ExtensionConfig
  const buffer = yield* LogBuffer
  const sink = yield* OpenObserveSink
  return Effect.fnUntraced(function*(bytes: number) {
    // what is larger than all the room there is will be dropped, and counted so
    if (bytes > maxBufferBytes) return
    for (;;) {
      const freed = yield* buffer.watchFreed
      yield* sink.assertOpen
      const { heldBytes } = yield* buffer.state
      if (heldBytes + bytes <= maxBufferBytes || (yield* sink.outageMs) >= PATIENCE_MS) return
      // what is open is part of what takes the room
      yield* sink.deliverAll
      yield* Effect.timeoutOption(freed, LOOK_AGAIN_MS)
    }
  })
})
