/** As much of `node:dns` as the program uses. */
import { codedError } from "./host.ts"

export const ADDRCONFIG = 0

type Done = (error: Error | null, addresses: ReadonlyArray<{ readonly address: string }>) => void

export const lookup = (name: string, _: object, done: Done): void =>
  host.lookup(
    name,
    (code, addresses = []) =>
      done(code === undefined ? null : codedError(code), addresses.map((address) => ({ address })))
  )
