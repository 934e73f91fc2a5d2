/** Ports of this machine for the emulator, which cannot choose its own. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** Two ports that are free now. */
export const freePorts: Effect.Effect<readonly [number, number]> = Effect.promise(async () => {
  const servers = [Net.createServer(), Net.createServer()]
  const ports = await Promise.all(servers.map((server) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject)
      server.listen(0, "127.0.0.1", () => resolve((server.address() as Net.AddressInfo).port))
    })
  ))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return [ports[0]!, ports[1]!] as const
})

/** Whether somebody listens there. */
export const accepts = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    const settle = (isAccepted: boolean) => {
      socket.destroy()
      resume(Effect.succeed(isAccepted))
    }
    socket.once("connect", () => settle(true))
    socket.once("error", () => settle(false))
  })
