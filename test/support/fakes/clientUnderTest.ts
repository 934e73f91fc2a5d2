/** A real client of the Extensions API before a fake transport. */
import * as Layer from "effect/Layer"
import { ExtensionsClient } from "../../../src/lambda/ExtensionsClient.ts"
import { LambdaEnvironment } from "../../../src/lambda/LambdaEnvironment.ts"
import type { HandedOverRegistration } from "../../../src/lambda/LambdaEnvironment.ts"
import { makeCapturedLog } from "./capturedLog.ts"
import type { Answer, ControlledTransport } from "./ControlledTransport.ts"
import { makeControlledTransport } from "./ControlledTransport.ts"

/** What register hands out. */
export const identifier = "3b2c0a4e-6c1f-4b7e-9a55-0d1f7e0c8a21"

/** The answer to register. */
export const registered: Answer = {
  status: 200,
  headers: { "lambda-extension-identifier": identifier },
  body:
    "{\"functionName\":\"orders\",\"functionVersion\":\"$LATEST\",\"handler\":\"app.handler\",\"accountId\":\"111122223333\"}"
}

/** The body of an INVOKE. */
export const invoke =
  "{\"eventType\":\"INVOKE\",\"deadlineMs\":3000,\"requestId\":\"r1\",\"invokedFunctionArn\":\"arn\",\"tracing\":{}}"

/** A client whose calls are answered in turn, by the test where that is `undefined`; more calls than answers die. */
export const clientOf = (
  answers: ReadonlyArray<Answer | undefined>,
  isManagedInstance = false,
  registration?: HandedOverRegistration
) => {
  const transport = makeControlledTransport((request, index) => {
    if (index >= answers.length) throw new Error(`unexpected call: ${request.method} ${request.url.href}`)
    return answers[index]
  })
  const log = makeCapturedLog()
  const environment = Layer.succeed(LambdaEnvironment, {
    runtimeApi: "127.0.0.1:9001",
    extensionName: "shipper.sh",
    region: "eu-west-1",
    logStreamName: undefined,
    isProvisioned: false,
    isManagedInstance,
    isSnapStart: false,
    temporaryDirectory: "/nowhere",
    registration
  })
  const layer = ExtensionsClient.layerNoDeps.pipe(
    Layer.provide([environment, transport.layer]),
    Layer.provideMerge(log.layer)
  )
  return { layer, log, transport }
}

/** Method and address of every request. */
export const requestsOf = (transport: ControlledTransport) =>
  transport.exchanges.map(({ request }) => `${request.method} ${request.url.href}`)

/** The JSON that a request carried. */
export const bodyOf = (transport: ControlledTransport, index: number) =>
  JSON.parse(String(transport.exchanges[index]?.request.body))

/** What is subscribed to. */
export const subscription = {
  port: 4243,
  path: "/telemetry/unguessable",
  maxBytes: 1_048_576,
  maxItems: 10_000,
  types: ["platform", "function"]
}
