/** A destination for the core's tests: JSON arrays, answers in OpenObserve's words, nothing to prepare or to rewrite. */
import * as Effect from "effect/Effect"
import type { Destination } from "../../src/delivery/Destination.ts"
import * as IngestResponse from "../../src/openobserve/IngestResponse.ts"
import { jsonArray } from "../../src/openobserve/JsonArray.ts"

/** One that differs from the others in what a test wants. */
export const makeDestination = (overrides: Partial<Destination> = {}): Destination => ({
  name: "logs",
  signal: "logs",
  server: "OpenObserve",
  url: new URL("https://openobserve.test/api/default/default/_json"),
  headers: () => ({ "content-type": "application/json" }),
  redact: (response) => response,
  unreachableRemedy: "mend the network",
  format: jsonArray,
  maxColumns: 190,
  probe: Buffer.from("[]"),
  judge: IngestResponse.read,
  prepare: () => undefined,
  rewrite: () => Effect.undefined,
  ...overrides
})

/** Where the tests of the buffer and of the disk send their records. */
export const logs = makeDestination()
