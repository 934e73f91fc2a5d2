/** Takes the place of `src/platform/Tunnel.ts`: the engine asks the proxy before it begins with TLS. */
import type { Socket } from "node:net"
import type { Call } from "../../../src/platform/Dialler.ts"

export const open = (call: Call, host: string, port: number, tunnel: string): Socket =>
  call.connect(host, { port, tunnel })

export const secure = (_: Call, socket: Socket): Socket => socket
