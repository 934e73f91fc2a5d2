/** What each setting means, for those who read it. Apart from the settings, since the extension itself does not. */
import type { settings } from "./Settings.ts"

/** One sentence or two for each setting, as the documentation has them. */
export const descriptions: Readonly<Record<keyof typeof settings, string>> = {
  organizationId: "Organization identifier in OpenObserve (`default` on a fresh server).",
  authorization: "Value of the `Authorization` header, sent as it is. Never logged.",
  endpoint: "Base URL of OpenObserve. HTTPS; plain HTTP only to loopback or with `O2_ALLOW_INSECURE_HTTP`.",
  stream: "Stream that receives the records.",
  platformStream:
    "Stream that receives the platform's events (`platform.*`) instead, where they are not to share columns with the function's JSON lines. `O2_STREAM` unless set.",
  maxBufferMegabytes:
    "MiB of memory for records at most, in all stages together. When full, the oldest go first, counted.",
  requestTimeoutMs: "Time-out of one attempt, from connecting to the last byte of the answer.",
  maxRetries: "Attempts after the first before a batch goes back to the buffer.",
  initialRetryDelayMs: "Delay before the first retry; doubles with each (±20 % at random).",
  maxRetryDelayMs: "Longest delay between two attempts.",
  maxBatchKilobytes: "KiB of records in one request, before compression. Half of the buffer at most.",
  maxColumns:
    "Most different columns in one request; more only where the server takes them (`ZO_COLS_PER_RECORD_LIMIT`, 200 on OpenObserve Cloud). Other batches are divided; where that would make many requests, objects with keys that hardly any other line has are sent as JSON text, with a warning.",
  flushStrategy:
    "When records leave: at the `end` of each call, `continuous`ly while calls run, `periodic`ally in long calls, or `adaptive`: what suits the traffic.",
  flushIntervalMs: "Age at which records leave while a call still runs.",
  flushBudgetMs: "Longest wait for OpenObserve after a call, always ending 500 ms before the function's deadline.",
  telemetryTypes:
    "What is sent. (`platform` is always received, since request ids and lifecycle come from it.) This extension's own lines are never sent.",
  compression: "How requests are compressed.",
  logLevel: "What this extension logs about itself, as JSON lines on its own stdout.",
  onConfigError:
    "`fail`: a wrong setting fails the function's start, visibly. `pass-through`: the function runs without logs.",
  hasMetadata:
    "Adds `faas_name`, `faas_version`, `faas_instance`, `faas_coldstart`, `cloud_region`, `cloud_account_id`.",
  preservesOrder: "Gives lines of one millisecond 0, 1, 2, … µs, so that OpenObserve shows them in order.",
  allowsInsecureHttp: "Allows plain HTTP to hosts other than loopback; credentials and logs then travel unencrypted.",
  authorityFile:
    "File with certificates (PEM, or one in DER) of authorities that are trusted besides Mozilla's, for a server with a certificate of a private authority.",
  proxy:
    "Proxy on the way to OpenObserve, instead of the one that `HTTPS_PROXY` and the like name; `none` for a direct way. Never logged."
}
