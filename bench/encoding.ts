/** What the benches of encoding have in common: an encoder as the extension has it, and the CPU that a record takes. */
import { PostEncoder } from "../src/logs/PostEncoder.ts"
import { PER_POST } from "./posts.ts"
import { median } from "./statistics.ts"

const ROUNDS = 7

export const makeEncoder = () => {
  const encoder = new PostEncoder({
    types: new Set(["platform", "function"]),
    hasMetadata: true,
    preservesOrder: true,
    region: "eu-west-1",
    isManagedInstance: false
  })
  encoder.identify({ functionName: "orders-api", functionVersion: "$LATEST", accountId: "111122223333" })
  return encoder
}

/** CPU in µs per record of work on a post that is done so many times: median over several rounds, after one that warms up. */
export const microsOf = (posts: number, work: () => void): number => {
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    const { system, user } = process.cpuUsage()
    for (let count = 0; count < posts; count++) work()
    const spent = process.cpuUsage()
    return (spent.user - user + spent.system - system) / (posts * PER_POST)
  })
  return median(rounds.slice(1))
}
