import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { EngineUrl } from "../../../layer/engine/js/url.ts"
import { install } from "./host.ts"

install()

const PARTS = [
  "protocol",
  "username",
  "password",
  "host",
  "hostname",
  "port",
  "pathname",
  "search",
  "hash",
  "href"
] as const

/** All that a URL says, or that it is none. */
const told = (Url: { new(text: string): URL | EngineUrl; canParse: (text: string) => boolean }, text: string) => {
  if (!Url.canParse(text)) return undefined
  const url = new Url(text)
  return Object.fromEntries([...PARTS, "origin" as const].map((part) => [part, url[part]]))
}

const same = (text: string) => assert.deepStrictEqual(told(EngineUrl, text), told(URL, text), JSON.stringify(text))

describe("the engine's URL is as Node's", () => {
  it.each([
    "https://openobserve.example",
    "https://openobserve.example/",
    "HTTPS://OpenObserve.Example:443/base/",
    "http://host:80",
    "http://host:8080/a/../b/./c/..",
    "http://host/%2e%2E/x",
    "http://host/a b\"<>`{}^|é",
    "http://host/?q=a b'\"<>#f g`",
    "http://host?x",
    "http://host#y",
    "http://user:pa:ss@host",
    "http://us er:p@ss@host",
    "http:\\\\host\\path",
    "http:host",
    "  http://host/\n",
    "http://ho\tst/",
    "http://127.0.0.1:5080",
    "http://127.1",
    "http://0x7f.1",
    "http://2130706433",
    "http://256.1.1.1",
    "http://1.2.3.4.5",
    "http://1.2.3.08",
    "http://host.",
    "http://h%6Fst",
    "https://bücher.example/ä",
    "https://BÜCHER.Example:8443",
    "https://b%C3%BCcher.example",
    "https://faß.example",
    "https://例え.テスト",
    "https://xn--bcher-kva.example",
    "https://ａ．example",
    "https://a\ufdd0b.example",
    "https://a\u00adb.example",
    "https://１２７.0.0.1",
    "http://[::1]:3000/x",
    "http://[fe80::AB]",
    "http://[::1",
    "http://[x]",
    "http://",
    "http://host:99999",
    "http://host:x",
    "http://:80",
    "http://a b",
    "http://a%00b",
    "host/path",
    "/path",
    "",
    "://host"
  ])("for %j", same)

  it("for whatever stands behind a host", () => {
    const letters = FastCheck.constantFrom(..."ab/.?#%25:@ \\'\"<>[]{}|^`~!$&()*+,;=é€😀".split(""), "../", "%2e")
    FastCheck.assert(FastCheck.property(FastCheck.string({ unit: letters, maxLength: 12 }), (rest) => {
      same(`https://host/${rest}`)
    }))
  })

  it("other schemes have a protocol", () => {
    assert.strictEqual(new EngineUrl("ftp://host/x").protocol, "ftp:")
    assert.isTrue(EngineUrl.canParse("mailto:x"))
  })
})
