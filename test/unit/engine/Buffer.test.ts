import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { EngineBuffer } from "../../../layer/engine/js/buffer.ts"
import { install } from "./host.ts"

install()

const bytes = FastCheck.uint8Array({ maxLength: 40 })
const index = FastCheck.integer({ min: -5, max: 45 })
const text = FastCheck.string({ unit: "binary", maxLength: 20 })

/** The same bytes in both kinds, as a part of something larger. */
const both = (content: Uint8Array): readonly [EngineBuffer, Buffer] => {
  const framed = Uint8Array.of(1, ...content, 2)
  return [
    EngineBuffer.from(framed).subarray(1, -1) as EngineBuffer,
    Buffer.from(framed).subarray(1, -1)
  ]
}

const same = (ours: Uint8Array, nodes: Uint8Array) => assert.deepStrictEqual([...ours], [...nodes])

describe("the engine's Buffer is as Node's", () => {
  it("in what it makes of text", () => {
    FastCheck.assert(FastCheck.property(text, (text) => {
      same(EngineBuffer.from(text), Buffer.from(text))
      assert.strictEqual(EngineBuffer.byteLength(text), Buffer.byteLength(text))
    }))
  })

  it("in what it makes of half surrogate pairs", () => {
    same(EngineBuffer.from("a\ud800b"), Buffer.from("a\ud800b"))
    assert.strictEqual(EngineBuffer.byteLength("\udc00"), 3)
  })

  it("in what it makes of base64, whole or not", () => {
    const letters = FastCheck.constantFrom(..."ABCxyz019+/-_= \n")
    FastCheck.assert(FastCheck.property(bytes, FastCheck.string({ unit: letters, maxLength: 12 }), (content, text) => {
      const encoded = Buffer.from(content).toString("base64")
      same(EngineBuffer.from(encoded, "base64"), content)
      assert.strictEqual(EngineBuffer.from(content).toString("base64"), encoded)
      same(EngineBuffer.from(text, "base64"), Buffer.from(text, "base64"))
    }))
  })

  it("in parts, and their text", () => {
    FastCheck.assert(FastCheck.property(bytes, index, index, (content, start, end) => {
      const [ours, nodes] = both(content)
      same(ours.subarray(start, end), nodes.subarray(start, end))
      same(ours.slice(start, end), nodes.subarray(start, end))
      assert.isTrue(ours.subarray(start, end) instanceof EngineBuffer)
      const [from, to] = [Math.max(0, start), Math.max(0, end)]
      assert.strictEqual(ours.toString("utf8", from, to), nodes.toString("utf8", from, to))
      assert.strictEqual(ours.toString("latin1", from, to), nodes.toString("latin1", from, to))
    }))
  })

  it("in what it finds", () => {
    FastCheck.assert(FastCheck.property(bytes, bytes, index, (content, piece, from) => {
      const [ours, nodes] = both(content)
      const sought = content.subarray(2, 4)
      assert.strictEqual(ours.indexOf(piece, from), nodes.indexOf(piece, from))
      assert.strictEqual(ours.indexOf(sought, from), nodes.indexOf(sought, from))
      assert.strictEqual(ours.indexOf(content[3] ?? 0, from), nodes.indexOf(content[3] ?? 0, from))
      assert.strictEqual(ours.equals(EngineBuffer.from(piece)), nodes.equals(piece))
      assert.isTrue(ours.equals(nodes))
    }))
  })

  it("in copies, which end where the target ends", () => {
    const at = FastCheck.nat(20)
    FastCheck.assert(FastCheck.property(bytes, at, at, at, (content, to, start, end) => {
      const [ours, nodes] = both(content)
      const [ourTarget, nodesTarget] = [EngineBuffer.alloc(20), Buffer.alloc(20)]
      const [from, until] = [Math.min(start, content.length), Math.max(start, end)]
      assert.strictEqual(ours.copy(ourTarget, to, from, until), nodes.copy(nodesTarget, to, from, until))
      same(ourTarget, nodesTarget)
    }))
  })

  it("in numbers", () => {
    FastCheck.assert(FastCheck.property(FastCheck.nat(0xffff_ffff), FastCheck.double(), (whole, real) => {
      const [ours, nodes] = [EngineBuffer.alloc(16), Buffer.alloc(16)]
      for (const buffer of [ours, nodes]) {
        buffer.writeUInt32BE(whole, 1)
        buffer.writeDoubleBE(real, 6)
      }
      same(ours, nodes)
      assert.strictEqual(ours.readUInt32BE(1), whole)
      assert.strictEqual(ours.readUInt16BE(2), nodes.readUInt16BE(2))
      assert.deepStrictEqual(ours.readDoubleBE(6), real)
    }))
  })

  it("in what it joins", () => {
    FastCheck.assert(FastCheck.property(FastCheck.array(bytes, { maxLength: 5 }), (pieces) => {
      same(EngineBuffer.concat(pieces), Buffer.concat(pieces))
    }))
  })
})
