/** Compiles the library into an empty `dist/lib`: what an earlier build left there would be published. */
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

rmSync(`${root}dist/lib`, { recursive: true, force: true })
execFileSync(`${root}node_modules/.bin/tsc`, ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" })
