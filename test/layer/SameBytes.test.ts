/** Both flavours send the same bytes for the same posts, whoever encodes them: only the times of receipt differ. */
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync } from "node:fs"
import { createServer, request as send } from "node:http"
import type { IncomingMessage, RequestListener } from "node:http"
import { join } from "node:path"
import { post } from "../engine/nastyPosts.ts"
import { seedWith } from "../engine/random.ts"
import { standalone, unpacked } from "./support/zips.ts"
import type { Flavour } from "./support/zips.ts"

/** Enough for each kind of line to come several times. */
const POSTS = 300
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000)

/** Longer than any run takes on a busy machine, in ms; one that hangs is ended. */
const PATIENCE_MS = 60_000

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => Buffer.concat(await message.toArray())

const listening = async (answer: RequestListener): Promise<string> => {
  const server = createServer(answer).listen(0, "127.0.0.1")
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server, "listening")
  const address = server.address()
  return `127.0.0.1:${typeof address === "object" ? address?.port : ""}`
}

/** What a flavour sends to OpenObserve for posts that come one behind the other, with `_timestamp` left out. */
const sentBy = async (flavour: Flavour, posts: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> => {
  const layer = unpacked(flavour)
  onTestFinished(layer.remove)
  const temporary = join(layer.opt, "tmp")
  mkdirSync(temporary)
  const records: Array<string> = []
  const openObserve = await listening(async (request, response) => {
    const body = (await bodyOf(request)).toString()
    const all = body === "[]" ? [] : body.slice(1, -1).split(/,(?=\{"_timestamp":\d+)/)
    // each process has a name of its own where the posts give none
    const comparable = (record: string) =>
      record.replace(/^\{"_timestamp":\d+/, "").replace(/"faas_instance":"[\da-f-]{36}"/, "\"faas_instance\":\"own\"")
    records.push(...all.map(comparable))
    response.end(JSON.stringify({ code: 200, status: [{ name: "default", successful: all.length, failed: 0 }] }))
  })
  let endLife = () => {}
  const subscribed = Promise.withResolvers<URL>()
  const api = await listening(async (request, response) => {
    const body = await bodyOf(request)
    switch (request.url) {
      case "/2020-01-01/extension/register":
        response.setHeader("Lambda-Extension-Identifier", "id-1")
        return response.end("{\"functionName\":\"f\",\"functionVersion\":\"1\",\"handler\":\"h\"}")
      case "/2022-07-01/telemetry": {
        const { destination } = JSON.parse(body.toString()) as { readonly destination: { readonly URI: string } }
        subscribed.resolve(new URL(destination.URI))
        return response.end("\"OK\"")
      }
      default:
        endLife = () =>
          response.end(JSON.stringify({
            eventType: "SHUTDOWN",
            shutdownReason: "spindown",
            deadlineMs: Date.now() + PATIENCE_MS
          }))
    }
  })
  const child = spawn(join(layer.opt, "extensions", "o2-lambda-extension"), [], {
    env: {
      PATH: process.env["PATH"],
      // what one could not deliver is not the other's
      TMPDIR: temporary,
      AWS_LAMBDA_RUNTIME_API: api,
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: "Basic eDp5",
      O2_ENDPOINT: `http://${openObserve}`,
      O2_COMPRESSION: "none",
      O2_TELEMETRY_TYPES: "platform,function,extension"
    },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL"
  })
  const exited = once(child, "exit")
  const { pathname, port } = await subscribed.promise
  for (const bytes of posts) {
    const posting = send({ host: "127.0.0.1", port, path: pathname, method: "POST", agent: false }).end(bytes)
    const [answer] = await once(posting, "response") as [IncomingMessage]
    answer.resume()
  }
  endLife()
  assert.deepStrictEqual(await exited, [0, null])
  return records
}

/** Records that the one has more often than the other. */
const onlyIn = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): ReadonlyArray<string> => {
  const rest = Map.groupBy(other, (record) => record)
  return one.filter((record) => rest.get(record)?.pop() === undefined)
}

describe("what is sent", () => {
  it(`is the same from both flavours (FUZZ_SEED=${SEED})`, async () => {
    seedWith(SEED)
    const posts = Array.from({ length: POSTS }, post)
    const [nodejs, engine] = await Promise.all([sentBy("nodejs", posts), sentBy(standalone, posts)])
    assert.isAbove(nodejs.length, POSTS)
    // batches leave side by side
    assert.deepStrictEqual(onlyIn(engine, nodejs), onlyIn(nodejs, engine))
  })
})
