// Runs after `npm ci`, under whatever Node.js is there: puts the Node.js that came with it first on the PATH of npm's
// scripts. npm 10 removes the link when it rolls back the package for the other processor, which has the same command.
import { existsSync, mkdirSync, symlinkSync } from "node:fs"
import { fileURLToPath } from "node:url"

const modules = fileURLToPath(new URL("../node_modules", import.meta.url))
const engine = `node-linux-${process.arch}/bin/node`
const link = `${modules}/.bin/node`
if (process.platform === "linux" && existsSync(`${modules}/${engine}`) && !existsSync(link)) {
  mkdirSync(`${modules}/.bin`, { recursive: true })
  symlinkSync(`../${engine}`, link)
}
