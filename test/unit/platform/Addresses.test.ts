import { assert, describe, it } from "@effect/vitest"
import { Addresses } from "../../../src/platform/Addresses.ts"

const named = (names: string) => names.split(" ").map((name) => `192.0.2.${name}`)

describe("Addresses", () => {
  it("keeps the system's order as long as nothing is known", () => {
    assert.deepEqual(new Addresses().order(named("3 1 2")), named("3 1 2"))
  })

  it("names each address once", () => {
    assert.deepEqual(new Addresses().order(named("1 2 1 2")), named("1 2"))
  })

  it("takes IPv6 and IPv4 in turn, beginning as the system does", () => {
    const addresses = new Addresses()
    assert.deepEqual(addresses.order(["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"]), [
      "2001:db8::1",
      "192.0.2.1",
      "2001:db8::2",
      "192.0.2.2",
      "2001:db8::3"
    ])
    assert.deepEqual(addresses.order(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), [
      "192.0.2.1",
      "2001:db8::1",
      "192.0.2.2"
    ])
  })

  it("begins where it worked last, however the system orders", () => {
    const addresses = new Addresses()
    addresses.hasConnected("192.0.2.2")
    assert.deepEqual(addresses.order(named("3 1 2")), named("2 3 1"))
  })

  it("goes on behind those that failed", () => {
    const addresses = new Addresses()
    const first = addresses.order(named("1 2 3 4 5")).slice(0, 2)
    for (const [place, address] of first.entries()) addresses.hasFailed(address, place)
    assert.deepEqual(addresses.order(named("1 2 3 4 5")).slice(0, 3), named("3 4 5"))
  })

  it("tries what is new before what failed", () => {
    const addresses = new Addresses()
    for (let attempt = 0; attempt < 5; attempt++) {
      for (const [place, address] of addresses.order(named("1 2")).entries()) addresses.hasFailed(address, place)
    }
    assert.strictEqual(addresses.order(named("1 2 9"))[0], "192.0.2.9")
    addresses.hasFailed("192.0.2.9", 0)
    // and only once
    assert.strictEqual(addresses.order(named("1 2 9")).indexOf("192.0.2.9"), 2)
  })

  it("does not begin where it worked once but failed since", () => {
    const addresses = new Addresses()
    addresses.order(named("1 2"))
    for (let times = 0; times < 3; times++) addresses.hasFailed("192.0.2.2", 0)
    addresses.hasConnected("192.0.2.1")
    assert.deepEqual(addresses.order(named("2 1")), named("1 2"))
    addresses.hasFailed("192.0.2.1", 0)
    assert.deepEqual(addresses.order(named("1 2")), named("2 1"))
  })

  it("forgets what is resolved no longer", () => {
    const addresses = new Addresses()
    addresses.hasConnected("192.0.2.2")
    addresses.hasFailed("192.0.2.3", 0)
    assert.deepEqual(addresses.order(named("1")), named("1"))
    assert.deepEqual(addresses.order(named("3 1 2")), named("3 1 2"))
  })

  it("lets every address be the first one at some time, however few are tried at once", () => {
    for (let count = 1; count <= 20; count++) {
      const all = Array.from({ length: count }, (_, index) => `192.0.2.${index}`)
      for (let atOnce = 1; atOnce <= 6; atOnce++) {
        const addresses = new Addresses()
        const firsts = new Set<string>()
        const tried = new Set<string>()
        for (let attempt = 0; attempt < count * 6; attempt++) {
          const now = addresses.order(all).slice(0, atOnce)
          firsts.add(now[0]!)
          for (const [index, address] of now.entries()) {
            tried.add(address)
            addresses.hasFailed(address, index)
          }
          if (attempt + 1 === Math.ceil(count / atOnce)) assert.strictEqual(tried.size, count, `${count} by ${atOnce}`)
        }
        assert.strictEqual(firsts.size, count, `${count} by ${atOnce}`)
      }
    }
  })
})
