/** Runs programs that must succeed, and says what they said when they do not. */
import { execFile } from "node:child_process"

/** What a program wrote to stdout; a rejection has both streams, since compilers report on stdout. */
export const run = (
  file: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }
): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(file, args, { ...options, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${file} ${args.join(" ")} in ${options.cwd}: ${error.code}\n${stdout}\n${stderr}`))
    })
  })
