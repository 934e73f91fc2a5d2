/** Tells listeners in the order in which they came. */
type Listener = (...values: Array<any>) => void

/** As much of Node's `EventEmitter` as the program uses. */
export class Emitter {
  /** Never changed in place: who is told may come and go meanwhile. */
  private readonly listeners = new Map<string, ReadonlyArray<Listener>>()

  on(event: string, listener: Listener): this {
    this.listeners.set(event, [...this.listeners.get(event) ?? [], listener])
    return this
  }

  once(event: string, listener: Listener): this {
    const once: Listener = (...values) => {
      this.removeListener(event, once)
      listener(...values)
    }
    return this.on(event, once)
  }

  removeListener(event: string, listener: Listener): this {
    const known = this.listeners.get(event) ?? []
    this.listeners.set(event, known.filter((other) => other !== listener))
    return this
  }

  emit(event: string, ...values: Array<unknown>): boolean {
    const known = this.listeners.get(event) ?? []
    for (const listener of known) listener(...values)
    return known.length > 0
  }
}
