import { assert, describe, it } from "@effect/vitest"
import * as Zlib from "node:zlib"
import { decode } from "../../../src/platform/ContentCoding.ts"

const text = Buffer.from("hello ünï ".repeat(20))
const MAX = 1024

const coded: ReadonlyArray<readonly [contentCoding: string, body: Buffer]> = [
  ["gzip", Zlib.gzipSync(text)],
  ["GZip", Zlib.gzipSync(text)],
  ["x-gzip", Zlib.gzipSync(text)],
  ["deflate", Zlib.deflateSync(text)],
  ["deflate", Zlib.deflateRawSync(text)],
  ["br", Zlib.brotliCompressSync(text)],
  ["identity", text],
  ["", text],
  ["gzip, br", Zlib.brotliCompressSync(Zlib.gzipSync(text))],
  ["identity , gzip,", Zlib.gzipSync(text)]
]

describe("ContentCoding", () => {
  for (const [contentCoding, body] of coded) {
    it(`decodes ${JSON.stringify(contentCoding)} (${body[0]})`, () => {
      assert.deepEqual(decode(body, contentCoding, MAX), text)
    })
  }

  it("takes no body for no body, whatever it would be coded in", () => {
    for (const contentCoding of ["gzip", "br", "deflate", "zstd"]) {
      assert.deepEqual(decode(Buffer.alloc(0), contentCoding, MAX), Buffer.alloc(0))
    }
  })

  for (const contentCoding of ["zstd", "compress", "toString", "__proto__", "constructor"]) {
    it(`does not know ${contentCoding}`, () => {
      assert.deepEqual(decode(text, contentCoding, MAX), { code: "CODING", coding: contentCoding.toLowerCase() })
    })
  }

  it("names the one that it does not know", () => {
    assert.deepEqual(decode(Zlib.gzipSync(text), "zstd, gzip", MAX), { code: "CODING", coding: "zstd" })
  })

  for (const [contentCoding, body] of coded) {
    if (body === text) continue
    it(`refuses a broken ${contentCoding} (${body[0]})`, () => {
      const last = contentCoding.toLowerCase().split(/[ ,]+/).findLast((name) => name !== "") ?? ""
      for (const broken of [text, body.subarray(0, body.length >> 1), body.subarray(0, 1)]) {
        assert.deepEqual(decode(broken, contentCoding, MAX), { code: "CODING", coding: last })
      }
    })
  }

  it("hands on what is as long as it may be, and nothing longer", () => {
    for (
      const [name, compress] of [["gzip", Zlib.gzipSync], ["deflate", Zlib.deflateSync], [
        "br",
        Zlib.brotliCompressSync
      ]] as const
    ) {
      assert.deepEqual(decode(compress(Buffer.alloc(MAX)), name, MAX), Buffer.alloc(MAX))
      assert.deepEqual(decode(compress(Buffer.alloc(MAX + 1)), name, MAX), { code: "TOO_LARGE", coding: name })
      assert.deepEqual(decode(compress(Buffer.alloc(16 * 1024 * 1024)), name, MAX), { code: "TOO_LARGE", coding: name })
    }
  })

  it("refuses more codings than anybody means, and keeps their names short", () => {
    const contentCoding = Array.from({ length: 20 }, () => "gzip").join()
    const refused = decode(Zlib.gzipSync(text), contentCoding, MAX)
    assert.deepEqual(refused, { code: "CODING", coding: contentCoding.slice(0, 40) })
  })
})
