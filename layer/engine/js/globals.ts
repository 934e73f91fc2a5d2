/** What Node.js has and the language has not. Evaluated before the program, which `build/engine/program.ts` sees to. */
import { EngineBuffer } from "./buffer.ts"
import { Emitter } from "./events.ts"
import * as Fs from "./fs.ts"
import { EngineUrl } from "./url.ts"
import * as Zlib from "./zlib.ts"

const builtIn: Readonly<Record<string, object>> = { "node:fs": Fs, "node:zlib": Zlib }

class Stderr extends Emitter {
  write(text: string, done: () => void = () => {}): boolean {
    host.writeError(text.toWellFormed())
    host.nextTurn(done)
    return true
  }
}

class Stdout extends Emitter {
  readonly isTTY = false

  write(text: string, done: () => void = () => {}): boolean {
    host.write(text.toWellFormed(), done)
    return true
  }
}

class Process extends Emitter {
  readonly env = host.environment
  readonly argv = ["engine", "program", ...host.args]
  readonly pid = host.processId
  readonly stdout = new Stdout()
  readonly stderr = new Stderr()
  readonly versions = {}
  exitCode: number | undefined
  private readonly signals = new Set<string>()

  override on(event: string, listener: (...values: Array<any>) => void): this {
    if (!this.signals.has(event)) host.onSignal(event, () => this.emit(event, event))
    this.signals.add(event)
    return super.on(event, listener)
  }

  exit(code = this.exitCode ?? 0): never {
    return host.exit(code)
  }

  getuid(): number {
    return host.userId
  }

  getBuiltinModule(name: string): object | undefined {
    return builtIn[name]
  }

  cpuUsage(before = { user: 0, system: 0 }): { readonly user: number; readonly system: number } {
    const [user, system] = host.cpuMicros()
    return { user: user - before.user, system: system - before.system }
  }
}

const startTimer = (due: (...values: Array<unknown>) => void, millis = 0, ...values: Array<unknown>): number =>
  host.startTimer(millis, () => due(...values))

// what is repeated here only keeps a process that has nothing else to do, and this one stays until it exits
const startInterval = (): number => 0

const nextTurn = (due: () => void): object => {
  const turn = { due }
  host.nextTurn(() => turn.due())
  return turn
}

class Signal extends Emitter {
  aborted = false
  reason: unknown

  addEventListener(event: string, listener: () => void): void {
    this.on(event, listener)
  }

  removeEventListener(event: string, listener: () => void): void {
    this.removeListener(event, listener)
  }
}

class Controller {
  readonly signal = new Signal()

  abort(reason: unknown = new Error("aborted")): void {
    if (this.signal.aborted) return
    this.signal.aborted = true
    this.signal.reason = reason
    this.signal.emit("abort")
  }
}

const stopTimer = (timer: number | undefined): void => {
  if (typeof timer === "number") host.stopTimer(timer)
}

Object.assign(globalThis, {
  AbortController: Controller,
  Buffer: EngineBuffer,
  URL: EngineUrl,
  process: new Process(),
  console: { error: () => {}, info: () => {}, log: () => {}, warn: () => {} },
  o2NativeLines: { next: host.nextTimestamp, forgetShapes: host.forgetShapes, encode: host.encodeLines },
  // an exception in one of the language's own would be lost
  queueMicrotask: (due: () => void) => {
    Promise.resolve().then(due)
  },
  performance: { now: host.monotonicMillis, timeOrigin: Date.now() - host.monotonicMillis() },
  setTimeout: startTimer,
  clearTimeout: stopTimer,
  setInterval: startInterval,
  clearInterval: () => {},
  setImmediate: nextTurn,
  clearImmediate: (turn: { due: () => void }) => {
    turn.due = () => {}
  }
})
