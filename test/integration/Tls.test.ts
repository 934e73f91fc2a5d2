/**
 * TLS as each engine does it: the same words for the same trouble, the same authorities, and nothing of what the customer
 * switches for the function.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { certificates, type Peer, peers } from "../support/tlsPeers.ts"
import { ledgerOf, runCommand, unpackedLayer, withSandbox } from "./sandbox.ts"

const { authority, other, server } = certificates

/** Makes a file of this test; answers with its path. */
type MakeFile = (name: string, content: string | Uint8Array) => string

/** What a health check says of a server's connection, and all of it. */
const healthCheck = Effect.fnUntraced(
  function*(peer: Peer, environment: (file: MakeFile, opt: string) => Record<string, string>, scheme = "https") {
    const opt = yield* unpackedLayer
    const { port } = yield* peers[peer]
    const file: MakeFile = (name, content) => {
      const path = join(opt, name)
      writeFileSync(path, content)
      return path
    }
    const { exitCode, stderr, stdout } = yield* runCommand(opt, ["-h"], {
      O2_ENDPOINT: `${scheme}://localhost:${port}`,
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: "Basic YTpi",
      ...environment(file, opt)
    })
    assert.strictEqual(stderr, "")
    return {
      exitCode,
      said: stdout.join("\n"),
      warnings: stdout.filter((line) => line.startsWith("warn")),
      connection: stdout.find((line) => line.includes("connection: "))?.replaceAll(`localhost:${port}`, "HOST")
    }
  }
)

const trusting = (file: MakeFile) => ({ O2_CA_CERT_FILE: file("authority.pem", authority) })

const NETWORK = /; check O2_ENDPOINT, and that the network lets this machine reach it$/

/** What is said of servers by one who trusts their authority; code and remedy come behind the words. */
const trouble: ReadonlyArray<readonly [peer: Peer, words: string, codes: RegExp, remedy: RegExp]> = [
  ["isSelfSigned", "the TLS certificate is self-signed of", /DEPTH_ZERO_SELF_SIGNED_CERT/, /O2_CA_CERT_FILE/],
  [
    "lacksItsIntermediate",
    "no known authority vouches for the TLS certificate of",
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    /intermediate certificates$/
  ],
  ["hasExpired", "the TLS certificate has expired of", /CERT_HAS_EXPIRED/, /renew/],
  ["isNotValidYet", "the TLS certificate is not valid yet of", /CERT_NOT_YET_VALID/, /from when on/],
  [
    "isForAnotherName",
    "the TLS certificate is for another name than",
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    /check the host in O2_ENDPOINT/
  ],
  ["knowsTls11AtMost", "neither TLS 1.2 nor 1.3 is spoken by", /TLS_ALERT_70/, /speak TLS 1\.2 or 1\.3/],
  [
    "wantsACertificateInTls12",
    "for want of a common cipher or of a client certificate TLS was refused by",
    /TLS_ALERT_40/,
    /no client certificate/
  ],
  [
    "wantsACertificateInTls13",
    "a client certificate, of which we have none, is wanted by",
    /TLS_ALERT_116/,
    /O2_AUTHORIZATION_HEADER/
  ],
  [
    "wantsACertificateInGo",
    "a client certificate, of which we have none, is wanted by",
    /TLS_ALERT_42/,
    /O2_AUTHORIZATION_HEADER/
  ],
  [
    "hasNoCommonCipher",
    "for want of a common cipher or of a client certificate TLS was refused by",
    /TLS_ALERT_40/,
    /usual cipher/
  ],
  ["knowsNoSuchName", "no server of this name is known to", /TLS_ALERT_112/, /check the host in O2_ENDPOINT/],
  ["hasTroubleOfItsOwn", "TLS was refused by", /TLS_ALERT_80/, /server's log/],
  ["isPlainHttp", "no TLS is spoken by", /ERR_SSL_WRONG_VERSION_NUMBER/, /O2_ENDPOINT: its scheme/],
  ["isSomethingElse", "no TLS is spoken by", /ERR_SSL_WRONG_VERSION_NUMBER/, /O2_ENDPOINT: its scheme/],
  ["endsInTheHandshake", "the connection was reset by", /ECONNRESET/, NETWORK],
  ["isCutInTheHandshake", "the connection was reset by", /ECONNRESET/, NETWORK],
  ["isSilentInTheHandshake", "no connection was made in time to", /ETIMEDOUT/, NETWORK]
]

describe("TLS, a server that", () => {
  for (const [peer, words, code, remedy] of trouble) {
    it.live(`${peer} is told so`, () =>
      Effect.gen(function*() {
        const { connection = "", exitCode } = yield* healthCheck(peer, trusting)
        assert.isTrue(connection.startsWith(`FAIL  connection: ${words} HOST (`), connection)
        // a name may have several addresses
        assert.match(connection, new RegExp(` HOST \\(${code.source}(; \\d addresses tried)?\\); `))
        assert.match(connection, remedy)
        assert.strictEqual(exitCode, 1)
      }))
  }

  for (
    const [peer, code] of [["good", /UNABLE_TO/], ["isBelowAnIntermediate", /UNABLE_TO/], [
      "showsItsAuthority",
      /SELF_SIGNED/
    ]] as const
  ) {
    it.live(`${peer} is not trusted without its authority, and is with it`, () =>
      Effect.gen(function*() {
        const { connection = "" } = yield* healthCheck(peer, () => ({}))
        assert.match(connection, /no known authority vouches for the TLS certificate of HOST .*O2_CA_CERT_FILE/)
        assert.match(connection, code)
        const { exitCode, said } = yield* healthCheck(peer, trusting)
        assert.strictEqual(exitCode, 0, said)
      }))
  }

  it.live("is asked for plain HTTP is told apart from one that is well", () =>
    Effect.gen(function*() {
      const { connection = "" } = yield* healthCheck("good", trusting, "http")
      assert.match(connection, /^FAIL {2}connection: (the connection was reset by|no HTTP is spoken by) HOST/)
    }))

  it.live("nobody vouches for is not trusted, whatever the function does about it", () =>
    Effect.gen(function*() {
      const { connection } = yield* healthCheck("good", () => ({
        NODE_TLS_REJECT_UNAUTHORIZED: "0",
        NODE_OPTIONS: "--use-openssl-ca"
      }))
      assert.match(String(connection), /no known authority/)
    }))
})

const VARIABLES = ["O2_CA_CERT_FILE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "AWS_CA_BUNDLE"] as const

const der = new X509Certificate(authority).raw

/** Files that name the authority. */
const useful: Readonly<Record<string, (file: MakeFile, opt: string) => string>> = {
  "PEM": (file) => file("a.pem", authority),
  "two certificates, with CRLF": (file) => file("b.pem", (other + authority).replaceAll("\n", "\r\n")),
  "PEM with words around it": (file) => file("c.pem", `# Private authority\n${other}\nfor tests\n${authority}\nend`),
  "DER": (file) => file("d.der", der),
  "a link to it": (file, opt) => {
    symlinkSync(file("e.pem", authority), join(opt, "link.pem"))
    return join(opt, "link.pem")
  }
}

/** Files that name nobody, and what is said of them. */
const useless: ReadonlyArray<readonly [what: string, make: (file: MakeFile, opt: string) => string, problem: RegExp]> =
  [
    ["a missing file", (_, opt) => join(opt, "absent.pem"), /there is no such file \(ENOENT\)/],
    ["an empty file", (file) => file("empty.pem", ""), /it holds no certificate/],
    ["something else", (file) => file("key.pem", server.key), /it holds no certificate/],
    ["a damaged certificate", (file) => file("cut.pem", authority.replace(/\n.{40}/, "\n")), /it holds no certificate/],
    ["a directory", (_, opt) => {
      mkdirSync(join(opt, "directory"))
      return join(opt, "directory")
    }, /it is a directory/],
    ["a pipe", (_, opt) => {
      execFileSync("mkfifo", [join(opt, "pipe")])
      return join(opt, "pipe")
    }, /it is no file/],
    ["a device without an end", () => "/dev/zero", /it is no file/]
  ]

describe("files of authorities", () => {
  for (const [what, make] of Object.entries(useful)) {
    it.live(`may be ${what}`, () =>
      Effect.gen(function*() {
        const { exitCode, said, warnings } = yield* healthCheck("good", (file, opt) => ({
          O2_CA_CERT_FILE: make(file, opt)
        }))
        assert.deepStrictEqual([exitCode, warnings], [0, []], said)
      }))
  }

  for (const variable of VARIABLES) {
    it.live(`may be named by ${variable}`, () =>
      Effect.gen(function*() {
        const { exitCode, said, warnings } = yield* healthCheck("good", (file) => ({
          [variable]: file("authority.pem", authority)
        }))
        assert.deepStrictEqual([exitCode, warnings], [0, []], said)
      }))

    it.live(`that ${variable} names in vain are one warning`, () =>
      Effect.gen(function*() {
        const { exitCode, said, warnings } = yield* healthCheck("good", (file, opt) => {
          const works = variable === "O2_CA_CERT_FILE" ? "SSL_CERT_FILE" : "O2_CA_CERT_FILE"
          return { [works]: file("authority.pem", authority), [variable]: join(opt, "absent.pem") }
        })
        assert.deepStrictEqual(warnings, [
          `warn  settings: ${variable} adds no authority: there is no such file (ENOENT)`
        ])
        assert.strictEqual(exitCode, 0, said)
      }))
  }

  for (const [what, make, problem] of useless) {
    it.live(`that are ${what} are one warning`, () =>
      Effect.gen(function*() {
        const { connection, warnings } = yield* healthCheck("good", (file, opt) => ({
          O2_CA_CERT_FILE: make(file, opt)
        }))
        assert.strictEqual(warnings.length, 1)
        assert.match(warnings[0]!, new RegExp(`O2_CA_CERT_FILE adds no authority: ${problem.source}`))
        assert.match(String(connection), /no known authority/)
      }))
  }

  it.live("serve the extension, too, which warns once", () =>
    Effect.gen(function*() {
      const opt = yield* unpackedLayer
      const path = join(opt, "authority.pem")
      writeFileSync(path, authority)
      yield* withSandbox(
        {
          environment: { O2_CA_CERT_FILE: path, AWS_CA_BUNDLE: join(opt, "absent.pem") },
          openObserve: { tls: server }
        },
        ({ allOutput, emulator, functionLines, invoke, ownLines }) =>
          Effect.gen(function*() {
            for (const line of ["one", "two"]) yield* invoke({ lines: [line] })
            yield* emulator.shutdown()
            assert.deepStrictEqual(yield* functionLines, ["one\n", "two\n"])
            const ledger = ledgerOf(yield* ownLines)
            assert.strictEqual(ledger["delivered"], ledger["received"])
            const warnings = (yield* ownLines).filter(({ level }) => level !== "info").map(({ message }) => message)
            assert.deepStrictEqual(warnings, [
              "AWS_CA_BUNDLE adds no authority: there is no such file (ENOENT)"
            ], yield* allOutput)
          })
      )
    }))
})
