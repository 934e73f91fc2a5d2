/** What a test changes about the machine that the extension runs on: Node.js loads that before the program. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { isNative } from "../support/isNative.ts"

/** What differs from the machine that the test runs on. */
export interface Machine {
  /** The wall clock is set back as soon as SHUTDOWN is under way; the standalone flavour's cannot be. */
  readonly setsClockBack?: boolean
  /** What `NAMED_HOST` resolves to. */
  readonly addresses?: ReadonlyArray<string>
}

/** A host that nobody else knows. To names under `localhost` plain HTTP is taken. */
export const NAMED_HOST = "openobserve.localhost"

/** Sets the wall clock back by an hour as soon as a file is there. */
export const setsClockBack = (file: string): string =>
  `{
  const { existsSync } = require("node:fs")
  const now = Date.now
  let back = 0
  Date.now = () => {
    if (back === 0 && existsSync(${JSON.stringify(file)})) back = 3600000
    return now() - back
  }
}
`

/** Resolves a name to IPv4 addresses in this order, for whoever asks for one or for all. */
export const resolves = (name: string, addresses: ReadonlyArray<string>): string =>
  `{
  const dns = require("node:dns")
  const { lookup } = dns
  const addresses = ${JSON.stringify(addresses)}.map((address) => ({ address, family: 4 }))
  dns.lookup = (name, options, done = options) => {
    if (name !== ${JSON.stringify(name)}) lookup(name, options, done)
    else if (options.all) setImmediate(done, null, addresses)
    else setImmediate(done, null, addresses[0].address, 4)
  }
  require("node:module").syncBuiltinESMExports()
}
`

const writeScript = (file: string, command: string): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 })
}

/** Starts what loads nothing: it sees another `/etc/hosts` instead, which needs root. */
const withHosts = (hosts: string, extension: string): string =>
  `exec unshare --mount sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' sh "${hosts}" "${extension}"`

/** An extension that runs on the changed machine, with the Node.js that comes first in `path` if it needs one. */
export const changed = (
  extension: string,
  directory: string,
  script: string,
  addresses: ReadonlyArray<string>
): { readonly extension: string; readonly path: string } => {
  const path = join(directory, "bin")
  if (isNative(extension)) {
    const hosts = join(directory, "hosts")
    writeFileSync(hosts, addresses.map((address) => `${address} ${NAMED_HOST}\n`).join(""))
    const starter = join(directory, "starter")
    writeScript(starter, withHosts(hosts, extension))
    return { extension: starter, path }
  }
  const file = join(directory, "preload.cjs")
  writeFileSync(file, script)
  writeScript(join(path, "node"), `exec "${process.execPath}" --require "${file}"`)
  return { extension, path }
}
