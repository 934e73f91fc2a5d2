/** What the package may cost those who install it; docs/decisions/0020-package.md has the table. */

/** Everything that `npm install o2-lambda-extension effect` brings. */
export const INSTALLED_PACKAGES = ["effect", "fastest-levenshtein", "o2-lambda-extension"]

/** Bytes of what is ours in that. */
export const MAX_PACKAGE_BYTES = 1300 * 1024
