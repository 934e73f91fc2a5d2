/** The fault matrix: no answer, half an answer, or nobody there. */
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { outages } from "./faultMatrix.ts"

const tls = JSON.parse(readFileSync(new URL("../support/fixtures/openobserve/tls.json", import.meta.url), "utf8")) as {
  readonly key: string
  readonly cert: string
}

/** For rows that wait for an answer which never comes; long enough for a healthy server on a busy machine. */
const SHORT_TIMEOUT = { O2_REQUEST_TIMEOUT_MS: "1000" }

/** Lines that are not worth compressing: batches far beyond what a refused connection still takes in. */
const INCOMPRESSIBLE = { lines: Array.from({ length: 500 }, () => randomBytes(300).toString("base64")) }

outages("OpenObserve", [
  { name: "refuses connections", fault: Fault.RefuseConnections(), attempts: 2, says: /nothing listens at 127/ },
  {
    name: "resets before it stores",
    fault: Fault.ResetBeforeStoring(),
    isUncertain: true,
    attempts: 2,
    says: /connection was reset/
  },
  {
    name: "resets after it has stored",
    fault: Fault.ResetAfterStoring(),
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /connection was reset/
  },
  {
    name: "hangs before the headers",
    fault: Fault.HangBeforeHeaders(),
    environment: SHORT_TIMEOUT,
    isUncertain: true,
    attempts: 2,
    says: /no answer.*O2_REQUEST_TIMEOUT_MS/
  },
  {
    name: "hangs in the body",
    fault: Fault.HangInBody(),
    environment: SHORT_TIMEOUT,
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /no answer.*O2_REQUEST_TIMEOUT_MS/
  },
  {
    name: "answers a byte a second",
    fault: Fault.SlowBody({ bytesPerSecond: 1 }),
    environment: SHORT_TIMEOUT,
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /no answer.*O2_REQUEST_TIMEOUT_MS/
  },
  {
    name: "does not speak HTTP",
    fault: Fault.Garbage(),
    isUncertain: true,
    attempts: 2,
    says: /no HTTP is spoken/
  },
  {
    // the answer comes before the body is read, and then a client that still writes sees EPIPE instead of it
    name: "refuses credentials before it reads",
    fault: Fault.EarlyReject401(),
    environment: { O2_COMPRESSION: "none" },
    burst: INCOMPRESSIBLE,
    isUncertain: "perhaps",
    attempts: 1,
    says: /HTTP 401.*check O2_AUTHORIZATION_HEADER/
  },
  {
    // an endpoint's certificate and name do not change under a running process
    name: "shows a certificate that nobody vouches for",
    openObserve: { tls },
    attempts: 2,
    says: /certificate is self-signed.*O2_CA_CERT_FILE/,
    ends: ["never recovers"]
  },
  {
    name: "has no address",
    environment: { O2_ENDPOINT: "https://openobserve.invalid" },
    attempts: 2,
    says: /(no address is known for|the name server did not answer for) openobserve\.invalid/,
    ends: ["never recovers"]
  }
])
