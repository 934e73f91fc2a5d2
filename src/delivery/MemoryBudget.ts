/** The account of memory that is held for records before they are in the buffer. */

/**
 * Memory that somebody holds; it counts against the bound until it is released.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reservation {
  /** Bytes that are held at the moment. */
  readonly bytes: number
  /** Takes so many bytes more; what is over the bound then gives way. */
  readonly add: (bytes: number) => void
  /** Gives back all but so many bytes. */
  readonly shrink: (bytes: number) => void
  /** Gives all of it back; the second time without effect. */
  readonly release: () => void
}

/** Adds up what is reserved; `onGrown` is told when that has become more. */
export class MemoryBudget {
  private readonly onGrown: () => void
  /** Bytes that are reserved at the moment. */
  reservedBytes = 0

  constructor(onGrown: () => void) {
    this.onGrown = onGrown
  }

  reserve(bytes: number): Reservation {
    let held = 0
    const reservation: Reservation = {
      get bytes() {
        return held
      },
      add: (more) => {
        held += more
        this.reservedBytes += more
        this.onGrown()
      },
      shrink: (bytes) => {
        this.reservedBytes -= held - bytes
        held = bytes
      },
      release: () => reservation.shrink(0)
    }
    reservation.add(bytes)
    return reservation
  }
}
