/** What is known of an address. */
interface Standing {
  /** How often it made no connection. */
  readonly failures: number
  /** The best place in an attempt that it failed in spite of; the first one has the most time. */
  readonly place: number
}

/** Worse than any place. */
const NO_PLACE = Number.MAX_SAFE_INTEGER

/** In which order the addresses of one host are tried, from what came of trying them before. */
export class Addresses {
  /** Where a connection was made last. */
  private connected: string | undefined
  private standings = new Map<string, Standing>()

  /**
   * What was resolved just now, in the order to try it: where it worked last, then what has failed least often. Of those
   * that have failed equally often the one comes first that has never had a good place, such that every address is the
   * first of an attempt at some time. Whatever is resolved no longer is forgotten.
   */
  order(resolved: ReadonlyArray<string>): ReadonlyArray<string> {
    const unique = alternating([...new Set(resolved)])
    const known = unique.flatMap((address) => this.standings.get(address) ?? [])
    // what is new comes next, but not for as many attempts as the others have behind them
    const failures = known.length === 0 ? 0 : Math.min(...known.map(({ failures }) => failures))
    const fresh: Standing = { failures, place: NO_PLACE }
    const standings = new Map(unique.map((address) => [address, this.standings.get(address) ?? fresh]))
    this.standings = standings
    if (this.connected !== undefined && !standings.has(this.connected)) this.connected = undefined
    const { connected } = this
    return unique.toSorted((a, b) => {
      if (a === connected || b === connected) return a === connected ? -1 : 1
      const [first, second] = [standings.get(a)!, standings.get(b)!]
      return first.failures - second.failures || second.place - first.place
    })
  }

  /** No connection was made to this one, in time or at all; `place` is its place in the order, from 0. */
  hasFailed(address: string, place: number): void {
    if (this.connected === address) this.connected = undefined
    const { failures, place: best } = this.standings.get(address) ?? { failures: 0, place: NO_PLACE }
    this.standings.set(address, { failures: failures + 1, place: Math.min(best, place) })
  }

  /** A connection was made to this one. */
  hasConnected(address: string): void {
    this.connected = address
    // should it fail, all the others come before it
    const failures = Math.max(0, ...[...this.standings.values()].map(({ failures }) => failures))
    this.standings.set(address, { failures, place: 0 })
  }
}

/** IPv6 and IPv4 in turn, beginning as the system does: where one of the two leads nowhere, it does for all addresses. */
const alternating = (addresses: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isFirstKind = (address: string) => address.includes(":") === addresses[0]?.includes(":")
  const first = addresses.filter(isFirstKind)
  const second = addresses.filter((address) => !isFirstKind(address))
  return addresses.flatMap((_, index) => [...first.slice(index, index + 1), ...second.slice(index, index + 1)])
}
