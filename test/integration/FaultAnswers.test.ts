/** The fault matrix: answers that mean that nothing was taken, or leave it open. */
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { outages } from "./faultMatrix.ts"

// a server that quotes the credentials must not get them into the log
const UNAUTHORIZED = "Unauthorized Access: Basic cm9vdEBleGFtcGxlLmNvbTpDb21wbGV4cGFzcyMxMjM="

outages("OpenObserve answers", [
  { name: "503", fault: Fault.memoryOverflow, attempts: 2, says: /HTTP 503.*MemoryTableOverflowError/ },
  { name: "500", fault: Fault.internalError, isUncertain: true, attempts: 2, says: /HTTP 500/ },
  { name: "429", fault: Fault.cloudPressure, attempts: 2, says: /HTTP 429.*MemoryTableOverflowError/ },
  // longer than the longest delay between two attempts, so there is only one
  { name: "429 with Retry-After", fault: Fault.RetryAfter({ seconds: 1, status: 429 }), attempts: 1, says: /HTTP 429/ },
  { name: "429 for an expired trial", fault: Fault.trialExpired, attempts: 1, says: /HTTP 429.*trial.*extend it/ },
  {
    name: "401",
    fault: Fault.Answer({ status: 401, body: UNAUTHORIZED }),
    attempts: 1,
    says: /HTTP 401.*check O2_AUTHORIZATION_HEADER/
  },
  {
    name: "a redirect",
    fault: (elsewhere) => Fault.Redirect({ location: `${elsewhere}/api/default/default/_json`, status: 307 }),
    attempts: 1,
    says: /HTTP 307 to http.*set O2_ENDPOINT/
  },
  {
    name: "400 for a stream on its way out",
    fault: Fault.streamDeleting,
    attempts: 2,
    says: /HTTP 400.*being deleted/
  },
  {
    name: "502, and has stored",
    fault: Fault.Answer({ status: 502, body: "Proxy request failed", stores: true }),
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /HTTP 502/
  },
  {
    name: "504, and has stored nothing",
    fault: Fault.gatewayTimeout,
    isUncertain: true,
    attempts: 2,
    says: /HTTP 504/
  },
  {
    name: "200 with a page, and has stored",
    fault: Fault.Answer({ status: 200, body: "<html>Welcome</html>", stores: true }),
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /HTTP 200.*Welcome/
  },
  {
    name: "with more than anybody would read",
    fault: Fault.HugeAnswer({ bytes: 5_000_000 }),
    stores: true,
    isUncertain: true,
    attempts: 2,
    says: /answer is too large/
  }
])
