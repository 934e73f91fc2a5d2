/** A custom runtime: asks for invocations, as many at a time as allowed, and does what each one's payload says. */
import { existsSync, writeFileSync } from "node:fs"
import * as Http from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const agent = new Http.Agent({ keepAlive: true })

const exchange = (method, path, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const request = Http.request(
      { host, port, method, path: `/2018-06-01/runtime${path}`, headers, agent },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk) => text += chunk)
        response.on("end", () => resolve({ headers: response.headers, text }))
        response.on("error", reject)
      }
    )
    request.on("error", reject)
    request.end(body)
  })

const handle = async ({ after = [], exits, lines = [], log = [], signal, sleepMs = 0, throws, until }, requestId) => {
  for (const line of lines) process.stdout.write(`${line}\n`)
  for (const message of log) {
    const timestamp = new Date().toISOString()
    process.stdout.write(`${JSON.stringify({ timestamp, level: "INFO", requestId, message })}\n`)
  }
  if (signal !== undefined) writeFileSync(`/tmp/${signal}`, "")
  if (until !== undefined) await fileExists(`/tmp/${until}`)
  await sleep(sleepMs)
  for (const line of after) process.stdout.write(`${line}\n`)
  if (exits !== undefined) process.exit(exits)
  if (throws !== undefined) throw new RangeError(throws)
  return { requestId }
}

const fileExists = async (path) => {
  // at most 10 s
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (existsSync(path)) return
    await sleep(10)
  }
  throw new Error(`${path} did not come`)
}

const serve = async () => {
  for (;;) {
    const invocation = await exchange("GET", "/invocation/next")
    const requestId = invocation.headers["lambda-runtime-aws-request-id"]
    try {
      const response = await handle(JSON.parse(invocation.text), requestId)
      await exchange("POST", `/invocation/${requestId}/response`, JSON.stringify(response))
    } catch (error) {
      const body = JSON.stringify({ errorType: error.name, errorMessage: error.message })
      const headers = { "Lambda-Runtime-Function-Error-Type": error.name }
      await exchange("POST", `/invocation/${requestId}/error`, body, headers)
    }
  }
}

await Promise.all(Array.from({ length: Number(process.env.AWS_LAMBDA_MAX_CONCURRENCY ?? 1) }, serve))
