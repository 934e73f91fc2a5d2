/* oxlint-disable no-console -- a function's log is what the extension reads */
export const handler = async ({ exits = false, failures = 0 }) => {
  for (let failure = 1; failure <= failures; failure++) console.error(`failure ${failure}`)
  if (exits) process.exit(1)
  return { failures }
}
