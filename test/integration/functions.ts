/** The functions under observation. */

/** What the function under observation does, in this order. */
export interface Payload {
  /** Written to stdout as they are, each followed by a newline. */
  readonly lines?: ReadonlyArray<string>
  /** Said with `console.log`. */
  readonly log?: ReadonlyArray<unknown>
  /** As many lines "<text> <n>". */
  readonly flood?: { readonly text: string; readonly count: number }
  readonly sleepMs?: number
  /** Goes on when this file exists. */
  readonly until?: string
  /** As `log`, after the sleep. */
  readonly logAfter?: ReadonlyArray<unknown>
  readonly throws?: string
  readonly exits?: number
  /** Ends as by the kernel when memory is out. */
  readonly isKilled?: boolean
}

/**
 * The function as a module of Node.js. Its environment says how its init goes: `INIT_LINE` is written to stdout;
 * `FIRST_INIT` (`hangs`, `exits`) is what becomes of the first, the next ones work.
 */
export const functionSource = `import { existsSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
const { FIRST_INIT: firstInit, INIT_LINE: initLine, TMPDIR: directory } = process.env
if (initLine !== undefined) process.stdout.write(initLine + "\\n")
if (firstInit !== undefined && !existsSync(directory + "/inits")) {
  writeFileSync(directory + "/inits", "")
  if (firstInit === "hangs") await sleep(600_000)
  process.exit(1)
}
export const handler = async ({ exits, flood, isKilled = false, lines = [], log = [], logAfter = [], sleepMs = 0, throws, until }) => {
  for (const line of lines) process.stdout.write(line + "\\n")
  for (const value of log) console.log(value)
  if (flood !== undefined) {
    process.stdout.write(Array.from({ length: flood.count }, (_, n) => flood.text + " " + n + "\\n").join(""))
  }
  await sleep(sleepMs)
  while (until !== undefined && !existsSync(until)) await sleep(20)
  for (const value of logAfter) console.log(value)
  if (throws !== undefined) throw new RangeError(throws)
  if (exits !== undefined) process.exit(exits)
  if (isKilled) process.kill(process.pid, "SIGKILL")
  return "done"
}
`

/** A whole runtime in bash, which writes one line a call: one request at a time, over a connection of its own. */
export const bootstrapSource = `#!/bin/bash
api=/dev/tcp/\${AWS_LAMBDA_RUNTIME_API%:*}/\${AWS_LAMBDA_RUNTIME_API##*:}
while :; do
  exec 3<>"$api"
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3
  id=
  while read -r name value <&3; do
    [ "\${name,,}" = lambda-runtime-aws-request-id: ] && id=\${value%$'\\r'}
  done
  echo from a shell
  exec 3<>"$api"
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\n{}' "$id" >&3
  cat <&3 >/dev/null
done
`
