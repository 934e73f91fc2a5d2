/** The script, as it is, before an OpenObserve that fails now and then. */
import { expect, test, vi } from "vitest"
import { Fault, OpenObserveDouble } from "o2-lambda-extension/testing"

test("every order is stored once", async () => {
  await using openObserve = await OpenObserveDouble.start()
  await openObserve.nextFaults([Fault.memoryOverflow, Fault.ResetBeforeStoring(), Fault.badGateway])
  vi.stubEnv("OPENOBSERVE_URL", openObserve.url)
  vi.stubEnv("OPENOBSERVE_AUTHORIZATION", openObserve.authorization)

  await import("./ship-records.ts")

  const orders = await openObserve.records("orders")
  expect(orders.map(({ number }) => number)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
  expect(orders[0]).toMatchObject({ app: "ship-records", event: "order.placed", type: "order", total: 1.99 })
})
