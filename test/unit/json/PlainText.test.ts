import { assert, describe, it } from "@effect/vitest"
import { PlainText } from "../../../src/json/PlainText.ts"

const isSpecial = (byte: number) => byte < 0x20 || byte === 0x22 || byte === 0x5c

describe("PlainText", () => {
  it("stops at quotes, backslashes and control characters, and at nothing else", () => {
    for (let byte = 0; byte < 256; byte++) {
      for (let offset = 0; offset < 4; offset++) {
        // also before the text and behind the first find, where it must not matter
        const memory = Buffer.alloc(offset + 16, byte)
        const bytes = memory.subarray(offset)
        bytes.fill(0x61, 0, 6)
        for (let from = 0; from < 6; from++) {
          const end = new PlainText(bytes).end(from)
          if (isSpecial(byte)) assert.strictEqual(end, 6, `${byte} from ${from}`)
          else assert.isTrue(end > bytes.length - 4 && end <= bytes.length, `${byte} from ${from}`)
        }
      }
    }
  })

  it("leaves the last bytes to the caller", () => {
    for (let length = 0; length < 4; length++) {
      assert.strictEqual(new PlainText(Buffer.allocUnsafeSlow(length).fill(0x22)).end(0), 0)
    }
  })
})
