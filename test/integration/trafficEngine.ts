/** What a test changes about the machine that the extension runs on: its engine loads that before the program. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** What differs from the machine that the test runs on. */
export interface Machine {
  /** The wall clock is set back as soon as SHUTDOWN is under way. */
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

/** The name by which the small engine finds its program behind its own code (layer/engine/src/program.rs). */
const SMALL_ENGINE = "o2engine"

/** An engine that loads nothing: it sees another `/etc/hosts` instead, which needs root. Its clock stays as it is. */
const withHosts = (hosts: string, engine: string): string =>
  `exec unshare --mount sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' sh "${hosts}" "${engine}"`

/** A layer whose engine, its own or the Node.js that comes first in `path`, loads a script before the program. */
export const preloading = (
  layer: string,
  directory: string,
  script: string,
  addresses: ReadonlyArray<string>
): { readonly layer: string; readonly path: string } => {
  const file = join(directory, "preload.cjs")
  writeFileSync(file, script)
  const path = join(directory, "bin")
  writeScript(join(path, "node"), `exec "${process.execPath}" --require "${file}"`)
  const program = join(layer, "o2-lambda-extension")
  const engines = readdirSync(program).filter((name) => name.startsWith("engine-"))
  if (engines.length === 0) return { layer, path }
  const changed = join(directory, "opt")
  cpSync(join(layer, "extensions"), join(changed, "extensions"), { recursive: true })
  const hosts = join(directory, "hosts")
  writeFileSync(hosts, addresses.map((address) => `${address} ${NAMED_HOST}\n`).join(""))
  for (const engine of engines) {
    const executable = join(program, engine)
    const isSmall = readFileSync(executable).subarray(-28).includes(SMALL_ENGINE)
    // the launcher takes Bun's variables away before it starts this
    const preloading = `BUN_OPTIONS="--preload=${file}" exec "${executable}"`
    writeScript(
      join(changed, "o2-lambda-extension", engine),
      isSmall ? withHosts(hosts, executable) : preloading
    )
  }
  return { layer: changed, path }
}
