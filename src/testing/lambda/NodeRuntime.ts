/**
 * The emulator's own Node.js runtime: a program, started by the emulator with the handler's file and export.
 *
 * It behaves like Lambda's Node.js runtime where an extension can see it: `console` goes through the framed log
 * descriptor, everything else through stdout and stderr, and on Managed Instances several workers poll at once.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { writeSync } from "node:fs"
import * as Http from "node:http"
import { pathToFileURL } from "node:url"
import { formatWithOptions } from "node:util"

type LambdaHandler = (event: unknown, context: Readonly<Record<string, unknown>>) => unknown

interface Answer {
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

const environment = process.env
const runtimeApi = environment["AWS_LAMBDA_RUNTIME_API"] ?? ""
const logDescriptor = Number(environment["_LAMBDA_TELEMETRY_LOG_FD"])
// the handler's own child processes are not to write there
delete environment["_LAMBDA_TELEMETRY_LOG_FD"]
const isJson = environment["AWS_LAMBDA_LOG_FORMAT"] === "JSON"
const workers = Number(environment["AWS_LAMBDA_MAX_CONCURRENCY"] ?? 1)

// --- Logging ---

// Like Lambda's runtime: one global id where invocations come one by one, one per worker where they interleave.
const concurrentRequestId = new AsyncLocalStorage<string>()
let currentRequestId: string | undefined

// frame types and level bits as AWS's Node.js runtime client writes them
const textFrame = 0xa55a0003
const jsonFrame = 0xa55a0002
const levelBits = { TRACE: 0b00100, DEBUG: 0b01000, INFO: 0b01100, WARN: 0b10000, ERROR: 0b10100 } as const
type Level = keyof typeof levelBits

const writeAll = (bytes: Buffer): void => {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(logDescriptor, bytes, offset)
}

const writeFrame = (level: Level, payload: string): void => {
  const header = Buffer.alloc(16)
  const body = Buffer.from(payload)
  header.writeUInt32BE(((isJson ? jsonFrame : textFrame) | levelBits[level]) >>> 0, 0)
  header.writeUInt32BE(body.length, 4)
  header.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8)
  writeAll(Buffer.concat([header, body]))
}

const errorMembers = (error: Error) => ({
  errorType: error.name,
  errorMessage: error.message,
  stackTrace: (error.stack ?? "").split("\n")
})

const jsonPayload = (
  level: Level,
  timestamp: string,
  requestId: string | undefined,
  values: ReadonlyArray<unknown>
) => {
  const [first] = values
  if (values.length === 1 && first instanceof Error) {
    return JSON.stringify({ timestamp, level, requestId, ...errorMembers(first) })
  }
  const message = values.length === 1 && typeof first === "object" && first !== null
    ? first
    : formatWithOptions({}, ...values)
  return JSON.stringify({ timestamp, level, requestId, message })
}

const log = (level: Level) => (...values: ReadonlyArray<unknown>): void => {
  const timestamp = new Date().toISOString()
  const requestId = concurrentRequestId.getStore() ?? currentRequestId
  writeFrame(
    level,
    isJson
      ? jsonPayload(level, timestamp, requestId, values)
      : `${timestamp}\t${requestId}\t${level}\t${formatWithOptions({}, ...values)}\n`
  )
}

const patchConsole = (): void => {
  Object.assign(globalThis.console, {
    log: log("INFO"),
    info: log("INFO"),
    debug: log("DEBUG"),
    trace: log("TRACE"),
    warn: log("WARN"),
    error: log("ERROR")
  })
}

// --- Runtime API ---

// no time-out: the environment may be frozen for hours while a poll is blocked
const agent = new Http.Agent({ keepAlive: true })

const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = Http.request(
      `http://${runtimeApi}/2018-06-01/runtime${path}`,
      { method, agent, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("error", reject)
        response.once("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString("utf8") }))
      }
    )
    request.once("error", reject)
    request.end(body)
  })

const asError = (cause: unknown): Error => cause instanceof Error ? cause : new Error(String(cause))

const reportError = async (path: string, error: Error, type: string): Promise<void> => {
  const { errorMessage, errorType, stackTrace } = errorMembers(error)
  await call("POST", path, JSON.stringify({ errorType, errorMessage, trace: stackTrace }), {
    "lambda-runtime-function-error-type": type
  })
}

const respond = async (requestId: string, handler: LambdaHandler, { body, headers }: Answer): Promise<void> => {
  const deadlineMs = Number(headers["lambda-runtime-deadline-ms"])
  const context = {
    awsRequestId: requestId,
    functionName: environment["AWS_LAMBDA_FUNCTION_NAME"],
    functionVersion: environment["AWS_LAMBDA_FUNCTION_VERSION"],
    memoryLimitInMB: environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    logGroupName: environment["AWS_LAMBDA_LOG_GROUP_NAME"],
    logStreamName: environment["AWS_LAMBDA_LOG_STREAM_NAME"],
    getRemainingTimeInMillis: () => deadlineMs - Date.now()
  }
  try {
    const result = await handler(JSON.parse(body), context)
    await call("POST", `/invocation/${requestId}/response`, JSON.stringify(result) ?? "null")
  } catch (cause) {
    const error = asError(cause)
    log("ERROR")(...(isJson ? [error] : ["Invoke Error", JSON.stringify(errorMembers(error))]))
    await reportError(`/invocation/${requestId}/error`, error, error.name)
  }
}

// Node.js writes to a full pipe later; a line must not come after the poll that ends its invocation.
const flushOutput = async (): Promise<void> => {
  const written = [process.stdout, process.stderr].map((stream) =>
    new Promise<void>((resolve) => stream.write("", () => resolve()))
  )
  await Promise.all(written)
}

const work = async (handler: LambdaHandler): Promise<never> => {
  for (;;) {
    await flushOutput()
    const answer = await call("GET", "/invocation/next")
    const requestId = String(answer.headers["lambda-runtime-aws-request-id"])
    if (workers > 1) {
      await concurrentRequestId.run(requestId, () => respond(requestId, handler, answer))
    } else {
      currentRequestId = requestId
      environment["_X_AMZN_TRACE_ID"] = String(answer.headers["lambda-runtime-trace-id"])
      await respond(requestId, handler, answer)
    }
  }
}

// --- Init ---

const load = async (file: string, name: string): Promise<LambdaHandler> => {
  const module = await import(pathToFileURL(file).href) as Readonly<Record<string, unknown>>
  const fallback = module["default"] as Readonly<Record<string, unknown>> | undefined
  const handler = module[name] ?? fallback?.[name]
  if (typeof handler === "function") return handler as LambdaHandler
  throw Object.assign(new Error(`${file}.${name} is undefined or not exported`), { name: "Runtime.HandlerNotFound" })
}

// exit codes of Lambda's Node.js runtime
const uncaughtExceptionCode = 129
const unhandledRejectionCode = 128

const main = async (): Promise<void> => {
  const [file = "", name = "handler"] = process.argv.slice(2)
  patchConsole()
  const dieOf = (title: string, code: number) => (cause: unknown): void => {
    const error = asError(cause)
    log("ERROR")(...(isJson ? [error] : [title, JSON.stringify(errorMembers(error))]))
    process.exit(code)
  }
  process.on("uncaughtException", dieOf("Uncaught Exception", uncaughtExceptionCode))
  process.on("unhandledRejection", dieOf("Unhandled Promise Rejection", unhandledRejectionCode))
  let handler: LambdaHandler
  try {
    handler = await load(file, name)
  } catch (cause) {
    const error = asError(cause)
    const type = error.name.startsWith("Runtime.") ? error.name : "Runtime.ImportModuleError"
    log("ERROR")(...(isJson ? [error] : ["Uncaught Exception", JSON.stringify(errorMembers(error))]))
    await reportError("/init/error", error, type)
    process.exit(1)
  }
  await Promise.all(Array.from({ length: workers }, () => work(handler)))
}

await main()
