/** Picks string members out of JSON values of any kind. Pure. */

/** The first of the named members that is a non-empty string; `undefined` when there is none. */
export const stringMember = (value: unknown, ...names: ReadonlyArray<string>): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  for (const name of names) {
    const member: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
    if (typeof member === "string" && member !== "") return member
  }
}
