/** Runs the launcher against an API that a test scripts, and tells what it has handed over. */
import { onTestFinished } from "@effect/vitest"
import { opt, run } from "./launcher.ts"
import type { Opt, OptOptions, Run, RunOptions } from "./launcher.ts"
import { listen } from "./rawApi.ts"
import type { RawRequest, Step } from "./rawApi.ts"
import type { Shell } from "./shells.ts"

/** Body of the answer to a registration. */
export const ANSWER = "{\"functionName\":\"f\",\"functionVersion\":\"$LATEST\",\"handler\":\"h\"}"

/** The answer to a registration. */
export const accepted: ReadonlyArray<Step> = [
  `HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id-1\r\nContent-Length: ${ANSWER.length}\r\n\r\n${ANSWER}`
]

/** What a test varies. */
export interface Case extends RunOptions {
  readonly answers?: ReadonlyArray<ReadonlyArray<Step>>
  readonly layout?: OptOptions
  readonly prepare?: (directory: Opt) => RunOptions | void
}

/** Runs the launcher against an API that answers as given. */
export const launch = async (
  shell: Shell,
  { answers = [accepted], environment, layout, prepare, ...options }: Case = {}
): Promise<Run & { readonly requests: ReadonlyArray<RawRequest> }> => {
  const api = await listen(answers)
  const directory = opt(layout)
  onTestFinished(async () => {
    directory.remove()
    await api.close()
  })
  const prepared = prepare?.(directory) ?? {}
  const result = await run(shell, directory, {
    ...options,
    ...prepared,
    environment: { AWS_LAMBDA_RUNTIME_API: api.address, ...environment }
  })
  return { ...result, requests: api.requests }
}

/** What the engine got about the registration. */
export const handedOver = ({ engine }: Run) => ({
  status: engine?.environment["_O2LAMBDA_STATUS"],
  identifier: engine?.environment["_O2LAMBDA_IDENTIFIER"],
  answer: engine?.environment["_O2LAMBDA_ANSWER"]
})
