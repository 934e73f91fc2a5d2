/** The standalone flavour's executables, as far as there is what it takes to build them. */
import { buildEngines } from "./crate.ts"
import { type Architecture, host, type Machine } from "./machines.ts"
import { compile } from "./program.ts"
import { thirdParty } from "./thirdParty.ts"
import { toolChains } from "./toolChain.ts"

/** The executable for a machine. */
interface Standalone {
  readonly architecture: Architecture
  readonly executable: Uint8Array
  /** What is linked into it, and the licences of that. */
  readonly thirdParty: string
}

/** What was built, and what was not. */
export interface Built {
  readonly standalone: ReadonlyArray<Standalone>
  /** Compares the engine's native code with the program's own, on this machine (test/engine/linesFuzz.ts). */
  readonly linesFuzz: Uint8Array | undefined
  /** One line for each machine that is left out: what is missing. */
  readonly leftOut: ReadonlyArray<string>
}

/** Builds what can be built of what is wanted. */
export const buildStandalone = async (wanted: ReadonlyArray<Architecture>): Promise<Built> => {
  const isWanted = ({ architecture }: Machine): boolean => wanted.includes(architecture)
  const { chains, missing } = toolChains()
  const leftOut = missing.filter(({ machine }) => isWanted(machine)).map(({ machine, what }) =>
    `${machine.architecture}: left out, for want of ${what}. Run .ci/setup (Debian), or install rustup, ` +
    `\`rustup target add ${machine.target}\`, and ${machine.compiler} with a static C library.`
  )
  if (wanted.length === 0 || missing.some(({ machine }) => isHost(machine))) {
    return { standalone: [], linesFuzz: undefined, leftOut }
  }
  const built = chains.flatMap(({ bin, machines }) => {
    // this machine's compiles the program for the others
    const needed = machines.filter((machine) => isWanted(machine) || isHost(machine))
    const engines = needed.length === 0 ? [] : buildEngines({ bin, machines: needed })
    return engines.map(({ file, machine }) => ({ bin, file, machine }))
  })
  const compiler = built.find(({ machine }) => isHost(machine))!.file
  const chosen = built.filter(({ machine }) => isWanted(machine))
  const executables = await compile("src/main.ts", compiler, chosen.map(({ file }) => file))
  const [linesFuzz] = await compile("test/engine/linesFuzz.ts", compiler, [compiler])
  return {
    standalone: chosen.map(({ bin, machine }, index) => ({
      architecture: machine.architecture,
      executable: executables[index]!,
      thirdParty: thirdParty(bin, machine)
    })),
    linesFuzz,
    leftOut
  }
}

const isHost = ({ architecture }: Machine): boolean => architecture === host
