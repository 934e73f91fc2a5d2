/** The machines that functions run on, and how each is called by whom. */

/** A machine as Lambda calls it, which is how its zip is named. */
export type Architecture = "x86_64" | "arm64"

/** What it takes to build for a machine. */
export interface Machine {
  readonly architecture: Architecture
  /** As Rust calls it. */
  readonly target: string
  /** The C compiler, which also links. */
  readonly compiler: string
  /** Whether rustc needs help to link a file that is static and position-independent (static-pie.sh). */
  readonly isPieUnknown: boolean
}

const machine = (architecture: Architecture, name: string): Machine => ({
  architecture,
  target: `${name}-unknown-linux-gnu`,
  compiler: name === (process.arch === "arm64" ? "aarch64" : "x86_64") ? "cc" : `${name}-linux-gnu-gcc`,
  isPieUnknown: name === "aarch64"
})

/** In the order in which they are listed. */
export const machines: ReadonlyArray<Machine> = [machine("x86_64", "x86_64"), machine("arm64", "aarch64")]

/** The machine that builds: only its engine can compile the program, for all of them. */
export const host: Architecture = process.arch === "arm64" ? "arm64" : "x86_64"
