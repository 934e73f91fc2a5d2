/** How names are looked up, by both flavours: as `/etc/hosts` and the servers of `/etc/resolv.conf` have them. */
import { afterAll, assert, beforeAll, describe, it, onTestFinished } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { nameServer } from "./support/nameServer.ts"
import type { NameServer } from "./support/nameServer.ts"
import { standalone, unpacked } from "./support/zips.ts"
import type { Flavour } from "./support/zips.ts"

/** Addresses of this file's own: others may listen elsewhere. */
const FIRST_SERVER = "127.53.14.1"
const SECOND_SERVER = "127.53.14.2"
const HOST = "127.53.14.3"
const NOWHERE = Array.from({ length: 12 }, () => HOST)

// other files than the system's are put in their place
describe.skipIf(process.getuid?.() !== 0)("names", () => {
  let first: NameServer
  let second: NameServer
  let port = 0
  let connections = 0
  const host = createServer((socket) => {
    connections++
    socket.on("error", () => {})
    socket.destroy()
  })
  beforeAll(async () => {
    const zone = {
      "one.test": [HOST],
      "o2.corp.test": [HOST],
      "many.test": NOWHERE,
      "empty.test": [],
      "ill.test": "SERVFAIL",
      "late.test": "silent"
    } as const
    first = await nameServer(FIRST_SERVER, zone)
    second = await nameServer(SECOND_SERVER, { ...zone, "late.test": [HOST] })
    await new Promise<void>((resolve) => host.listen(0, HOST, resolve))
    const address = host.address()
    if (typeof address === "object" && address !== null) port = address.port
  })
  afterAll(() => {
    first.close()
    second.close()
    host.close()
  })

  describe.each<Flavour>(["nodejs", standalone])("%s", (flavour) => {
    let layer: ReturnType<typeof unpacked>
    beforeAll(() => {
      layer = unpacked(flavour)
    })
    afterAll(() => layer.remove())

    /** What the health check says, and how often the host was connected to. */
    const check = async (name: string, resolv: string, hosts = ""): Promise<[said: string, connections: number]> => {
      const directory = mkdtempSync(join(tmpdir(), "o2-names-"))
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
      const bound = { "resolv.conf": resolv, hosts }
      for (const [file, text] of Object.entries(bound)) writeFileSync(join(directory, file), text)
      const script = [
        ...Object.keys(bound).map((file) => `mount --bind '${directory}/${file}' /etc/${file} || exit 9`),
        `exec '${layer.opt}/extensions/o2-lambda-extension' health-check`
      ]
      const before = connections
      const said = await new Promise<string>((resolve) =>
        execFile("unshare", ["--mount", "sh", "-c", script.join("\n")], {
          env: {
            PATH: process.env["PATH"],
            O2_ORGANIZATION_ID: "default",
            O2_AUTHORIZATION_HEADER: "Basic eDp5",
            O2_ENDPOINT: `https://${name}:${port}`
          }
        }, (_, stdout, stderr) => resolve(stdout + stderr))
      )
      return [said, connections - before]
    }

    const servers = `nameserver ${FIRST_SERVER}\nnameserver ${SECOND_SERVER}\noptions timeout:1 attempts:1\n`
    const finds: ReadonlyArray<[what: string, name: string, resolv: string, hosts?: string]> = [
      ["a name that the server knows", "one.test", servers],
      ["a name in another case", "ONE.Test", servers],
      ["a name in /etc/hosts, whatever the server says", "ill.test", servers, `${HOST} other ill.test # a note\n`],
      ["a name in a domain of the search list", "o2", `${servers}search other.test corp.test\n`],
      ["a name that only the second server answers for", "late.test", servers],
      [
        "a name among lines and options that nobody knows",
        "one.test",
        `sortlist x\n${servers}options no-such:1 edns0\n`
      ]
    ]
    it.each(finds)("finds %s", async (_, name, resolv, hosts) => {
      const [said, count] = await check(name, resolv, hosts)
      assert.isAbove(count, 0, said)
    })

    it("asks by TCP for what is too long for UDP", async () => {
      const count = () => [...first.asked, ...second.asked].filter((asked) => asked === "tcp many.test").length
      const before = count()
      // one server, as Lambda has it: of two that shorten their answers hickory-resolver 0.26 asks neither by TCP
      const [said, connected] = await check("many.test", `nameserver ${FIRST_SERVER}\n`)
      assert.isAbove(connected, 0, said)
      assert.isAbove(count(), before)
    })

    // who asks for longer than a connection may take is not waited for
    const silent =
      /the name server did not answer for \w+\.test|to \w+\.test:\d+ \(ETIMEDOUT; its name was not resolved\)/
    const misses: ReadonlyArray<[what: string, name: string, resolv: string, said: RegExp]> = [
      ["does not exist", "none.test", servers, /no address is known for none\.test/],
      ["has no address", "empty.test", servers, /no address is known for empty\.test/],
      ["no server can tell", "ill.test", servers, /the name server did not answer for ill\.test/],
      [
        "nobody answers for",
        "late.test",
        `nameserver ${FIRST_SERVER}\noptions timeout:1 attempts:1\n`,
        silent
      ],
      ["there is no server for", "one.test", "", silent]
    ]
    it.each(misses)("says so of a name that %s", async (_, name, resolv, expected) => {
      const [said, count] = await check(name, resolv)
      assert.match(said, expected)
      assert.strictEqual(count, 0)
    })
  })
})
