import { assert, describe, it } from "@effect/vitest"
import * as Net from "node:net"
import { errorCode } from "../../../src/platform/ErrorCode.ts"

const coded = (code: string) => Object.assign(new Error("text"), { code })

describe("errorCode", () => {
  it("is the system's code", () => {
    assert.strictEqual(errorCode(coded("ECONNRESET")), "ECONNRESET")
  })

  it("is the message where there is no code", () => {
    assert.strictEqual(errorCode(new Error("text")), "text")
  })

  it("prefers what a peer said to what our own side says", () => {
    const errors = [coded("ENETUNREACH"), coded("ECONNREFUSED"), coded("EPROTO")]
    assert.strictEqual(errorCode(new AggregateError(errors)), "ECONNREFUSED")
    assert.strictEqual(errorCode(Object.assign(new AggregateError(errors), { code: "ENETUNREACH" })), "ECONNREFUSED")
    assert.strictEqual(errorCode(new AggregateError(errors.slice(0, 1))), "ENETUNREACH")
  })

  const openSsl = (code: string, text: string) => Object.assign(new Error(text), { code })

  it("is the number of an alert, whatever OpenSSL calls it", () => {
    for (const name of ["sslv3 alert handshake failure", "ssl/tls alert handshake failure"]) {
      const text =
        `write EPROTO C06C:error:0A000410:SSL routines:ssl3_read_bytes:${name}:../ssl/rec.c:918:SSL alert number 40\n`
      assert.strictEqual(errorCode(openSsl("EPROTO", text)), "TLS_ALERT_40")
    }
    const text =
      "4003:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../ssl/rec.c:9:SSL alert number 116\n"
    assert.strictEqual(errorCode(openSsl("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", text)), "TLS_ALERT_116")
  })

  it("is OpenSSL's reason where Node.js says only that the protocol failed", () => {
    const text =
      "write EPROTO 8048:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../ssl/any.c:77:\n"
    assert.strictEqual(errorCode(openSsl("EPROTO", text)), "ERR_SSL_WRONG_VERSION_NUMBER")
  })

  it("is the message of an error that stands for none", () => {
    assert.strictEqual(errorCode(new AggregateError([], "text")), "text")
  })

  it("finds one in what Node.js says of several addresses", async () => {
    const { port } = await new Promise<Net.AddressInfo>((resolve) => {
      const server = Net.createServer().listen(0, "127.0.0.1", () => {
        const address = server.address() as Net.AddressInfo
        server.close(() => resolve(address))
      })
    })
    const error = await new Promise<Error>((resolve) => {
      const lookup: Net.LookupFunction = (_name, _options, done) =>
        done(null, [{ address: "127.0.0.2", family: 4 }, { address: "127.0.0.3", family: 4 }])
      Net.connect({ host: "name.test", port, autoSelectFamily: true, lookup }).once("error", resolve)
    })
    assert.instanceOf(error, AggregateError)
    assert.strictEqual(errorCode(error), "ECONNREFUSED")
  })
})
