/** As much of `node:http` as the program uses. */
export { Agent, request } from "./httpClient.ts"
export { createServer } from "./httpServer.ts"
