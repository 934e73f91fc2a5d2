// Imports the module that is named, and prints what that did to the process beside loading modules.
import childProcess from "node:child_process"
import dns from "node:dns"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import net from "node:net"

const specifier = process.argv[2]
const did = []

/** Descriptors of modules: Node.js loads by the same functions. */
const modules = new Set()

/** Writes down every call, apart from reading modules. */
const watch = (owner, name, object) => {
  const original = object[name]
  if (typeof original !== "function" || /^[A-Z]/.test(name)) return
  object[name] = function(...args) {
    const [file] = args
    const isModule = modules.has(file) || /\/node_modules\/|package\.json$/.test(String(file))
    if (!isModule) did.push(`calls ${owner}.${name}(${String(file).slice(0, 80)})`)
    const result = Reflect.apply(original, this, args)
    if (name === "openSync" && isModule) modules.add(result)
    return result
  }
}
for (const name of Object.keys(fs)) watch("fs", name, fs)
for (const name of Object.keys(fs.promises)) watch("fs.promises", name, fs.promises)
for (const name of Object.keys(childProcess)) watch("child_process", name, childProcess)
for (const name of ["lookup", "resolve"]) watch("dns", name, dns)
watch("net.Socket", "connect", net.Socket.prototype)
watch("net.Server", "listen", net.Server.prototype)
for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"]) {
  watch("globalThis", name, globalThis)
}
for (const name of ["chdir", "umask", "exit", "abort", "kill", "emitWarning", "setUncaughtExceptionCaptureCallback"]) {
  watch("process", name, process)
}
syncBuiltinESMExports()

// the streams come into being when they are looked at, and do something to the descriptors then
const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr }
for (const [name, stream] of Object.entries(streams)) {
  Object.defineProperty(process, name, {
    configurable: true,
    get: () => {
      did.push(`looks at process.${name}`)
      return stream
    }
  })
}
const environment = process.env
process.env = new Proxy(environment, {
  get: (target, name) => {
    // these are for the module loader
    if (!/^(NODE_|WATCH_)/.test(String(name))) did.push(`reads ${String(name)} of the environment`)
    return target[name]
  },
  ownKeys: (target) => {
    did.push("lists the environment")
    return Reflect.ownKeys(target)
  }
})

const listeners = (emitter) =>
  emitter.eventNames().map((event) => [String(event), emitter.listenerCount(event), emitter.getMaxListeners()])
const keysOfGlobals = () =>
  Object.fromEntries(
    Reflect.ownKeys(globalThis).filter((name) => typeof name === "string" && name !== "process").map((name) => {
      const value = globalThis[name]
      const isObject = (typeof value === "object" && value !== null) || typeof value === "function"
      return [
        name,
        isObject ? [Reflect.ownKeys(value), Reflect.ownKeys(value.prototype ?? {})].flat().map(String).join() : value
      ]
    })
  )
const state = () => ({
  process: listeners(process),
  stdin: listeners(streams.stdin),
  stdout: listeners(streams.stdout),
  stderr: listeners(streams.stderr),
  resources: process.getActiveResourcesInfo(),
  globals: keysOfGlobals(),
  environment: { ...environment },
  directory: process.cwd(),
  title: process.title,
  exitCode: process.exitCode,
  stackTraceLimit: Error.stackTraceLimit,
  prepareStackTrace: typeof Error.prepareStackTrace
})

state() // some globals come into being when they are looked at
const before = state()
did.length = 0
const module = await import(specifier)
const has = [...did]
const after = state()
streams.stdout.write(JSON.stringify({ did: has, before, after, exports: Object.keys(module) }))
