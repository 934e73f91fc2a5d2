import { assert, describe, it } from "@effect/vitest"
import { isExempt } from "../../../src/config/NoProxy.ts"

const HOST = "https://logs.example.com"

/** Lists, and what they say of servers. */
const table: ReadonlyArray<readonly [list: string, target: string, isNamed: boolean]> = [
  ["", HOST, false],
  [" , ,", HOST, false],
  ["*", HOST, true],
  ["other.com, *", HOST, true],
  // hosts, and what is below them
  ["logs.example.com", HOST, true],
  ["LOGS.Example.com", HOST, true],
  ["logs.example.com.", HOST, true],
  ["logs.example.com", "https://logs.example.com.", true],
  ["a.com logs.example.com", HOST, true],
  ["a.com\tlogs.example.com", HOST, true],
  ["example.com", HOST, true],
  [".example.com", HOST, true],
  ["*.example.com", HOST, true],
  ["com", HOST, true],
  [".example.com", "https://example.com", true],
  ["ample.com", HOST, false],
  ["example.co", HOST, false],
  ["logs.example.com.evil.org", HOST, false],
  ["a.logs.example.com", HOST, false],
  ["logs.*", HOST, false],
  [".", HOST, false],
  ["*.", HOST, false],
  // ports
  ["example.com:443", HOST, true],
  ["example.com:0443", HOST, true],
  ["example.com:8443", HOST, false],
  ["example.com:8443", "https://logs.example.com:8443", true],
  ["example.com:80", "http://logs.example.com", true],
  [":443", HOST, false],
  ["https://example.com", HOST, false],
  // addresses
  ["10.1.2.3", "https://10.1.2.3", true],
  ["10.1.2.3:443", "https://10.1.2.3", true],
  ["10.1.2.3:5080", "https://10.1.2.3", false],
  ["2.3", "https://10.1.2.3", false],
  [".1.2.3", "https://10.1.2.3", false],
  ["10.1.2.33", "https://10.1.2.3", false],
  ["::1", "https://[::1]", true],
  ["[fd00::1]", "https://[fd00::1]", true],
  ["fd00:0:0::0001", "https://[fd00::1]", true],
  ["[fd00::1]:443", "https://[fd00::1]", true],
  ["[fd00::1]:444", "https://[fd00::1]", false],
  ["fd00::2", "https://[fd00::1]", false],
  ["::ffff:10.1.2.3", "https://10.1.2.3", true],
  ["10.1.2.3", "https://[::ffff:10.1.2.3]", true],
  // networks
  ["10.0.0.0/8", "https://10.1.2.3", true],
  ["10.0.0.0/8", "https://11.1.2.3", false],
  ["10.1.2.0/23", "https://10.1.3.255", true],
  ["10.1.2.0/23", "https://10.1.4.0", false],
  ["10.1.2.3/32", "https://10.1.2.3", true],
  ["0.0.0.0/0", "https://10.1.2.3", true],
  ["10.0.0.0/33", "https://10.1.2.3", false],
  ["10.0.0/8", "https://10.1.2.3", false],
  ["256.0.0.0/8", "https://10.1.2.3", false],
  ["10.0.0.0/8", HOST, false],
  ["0.0.0.0/0", "https://[fd00::1]", false],
  ["fd00::/8", "https://[fd12:3456::1]", true],
  ["[fd00::]/8", "https://[fd12:3456::1]", true],
  ["fd00::/8", "https://[fe80::1]", false],
  ["fd00::/7", "https://[fc00::1]", true],
  ["1:2:3:4:5:6:7:8/127", "https://[1:2:3:4:5:6:7:9]", true],
  ["1:2:3:4:5:6:7/16", "https://[1:2:3:4:5:6:7:9]", false],
  ["1::2::3/16", "https://[1:2:3:4:5:6:7:9]", false],
  ["example.com/8", HOST, false]
]

describe("NO_PROXY", () => {
  it.each(table)("%j and %s: %s", (list, target, isNamed) => {
    assert.strictEqual(isExempt(new URL(target), list), isNamed)
  })
})
