import * as Effect from "effect/Effect"
import { errorCode } from "./ErrorCode.ts"
import { TransportError } from "./TransportError.ts"

/** A part of the program that is not there from the start; none can be read where no descriptor is left. */
export const loaded = <A>(load: () => Promise<A>, host: string, isSent = false): Effect.Effect<A, TransportError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) => new TransportError({ code: errorCode(cause as Error), host, isSent, isStale: false })
  })
