/** What of Node.js the nodejs flavour has loaded when it asks for the first event: each module costs every cold start. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { nodeBinary, pathWith, versions } from "./support/node.ts"
import { withLayer } from "./support/sandbox.ts"
import { unpacked } from "./support/zips.ts"

/**
 * `node:http` and what it needs to listen and to send. Not among them, though an ES module that imports `node:http` has them
 * all: undici, http2, https, tls, crypto, worker_threads, Web Streams.
 */
const ALLOWED = new Set([
  "_http_agent",
  "_http_client",
  "_http_common",
  "_http_incoming",
  "_http_outgoing",
  "_http_server",
  "child_process",
  "cluster",
  "dgram",
  // on Node.js 20
  "diagnostics_channel",
  "dns",
  "http",
  "net",
  "stream",
  "stream/promises",
  "string_decoder"
])

/** Parts of Node.js that no module's name gives away. */
const HEAVY = /^internal\/(deps\/undici|crypto|http2|tls|worker|webstreams|fs\/promises|readline|quic)/

/** Writes down what has been loaded since the engine's own start when the first `next` is sent. */
const preload = (file: string): string =>
  `const before = new Set(process.moduleLoadList)
const http = require("node:http")
const { request } = http
http.request = (url, ...others) => {
  if (String(url).endsWith("/event/next")) {
    http.request = request
    const loaded = process.moduleLoadList.filter((name) => !before.has(name))
    require("node:fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify(loaded))
  }
  return request(url, ...others)
}
`

describe("what is loaded at the first next", () => {
  let layer: ReturnType<typeof unpacked>
  let directory: string
  beforeAll(() => {
    layer = unpacked("nodejs")
    directory = mkdtempSync(join(tmpdir(), "o2-loaded-"))
  })
  afterAll(() => {
    layer.remove()
    rmSync(directory, { recursive: true, force: true })
  })

  describe.each(versions)("on Node.js %s", (version) => {
    let node: ReturnType<typeof pathWith>
    let file: string
    beforeAll(async () => {
      file = join(directory, `${version}.json`)
      const script = join(directory, `${version}.cjs`)
      writeFileSync(script, preload(file))
      node = pathWith({ script: `#!/bin/sh\nexec '${await nodeBinary(version)}' --require '${script}' "$@"\n` })
    })
    afterAll(() => node.remove())

    it.live("is node:http and what it needs", () =>
      withLayer(layer.opt, { path: node.path }, ({ emulator }) =>
        Effect.gen(function*() {
          yield* emulator.start
          const loaded = (JSON.parse(readFileSync(file, "utf8")) as Array<string>)
            .filter((name) => name.startsWith("NativeModule "))
            .map((name) => name.slice("NativeModule ".length))
          assert.include(loaded, "http")
          const isUnexpected = (name: string) => name.startsWith("internal/") ? HEAVY.test(name) : !ALLOWED.has(name)
          assert.deepStrictEqual(loaded.filter(isUnexpected), [])
        })))
  })
})
