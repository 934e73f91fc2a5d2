/** Everything that can be reached by importing the package, as the compiler sees it. */
import { relative } from "node:path"
import { API, type Checker, type Project, type Symbol, SymbolFlags } from "typescript/unstable/sync"
import { publicModules, root } from "./publicModules.ts"

/** One name that programs can write, and what is said about it. */
export interface Export {
  /** As programs see it: `o2-lambda-extension/Ledger Entry`. */
  readonly name: string
  /** Source file and line, from the repository's directory. */
  readonly file: string
  readonly line: number
  readonly isValue: boolean
  /** Texts of the tags in its comment, and in the comment where it is exported again. */
  readonly tags: ReadonlyMap<string, string>
}

/** All of them; what comes from other packages has its documentation there. */
export const publicExports = (): ReadonlyArray<Export> => {
  const api = new API({ cwd: root })
  try {
    const project = api.updateSnapshot({ openProjects: [`${root}tsconfig.json`] }).getProject(`${root}tsconfig.json`)!
    return Object.entries(publicModules).flatMap(([specifier, path]) => exportsOf(project, specifier, `${root}${path}`))
  } finally {
    api.close()
  }
}

const exportsOf = (project: Project, specifier: string, path: string): ReadonlyArray<Export> => {
  const { checker, program } = project
  const file = program.getSourceFile(path)
  if (file === undefined) throw new Error(`${path}, which package.json names, is not in the project`)
  const module = checker.getSymbolAtLocation(file)
  return (module === undefined ? [] : checker.getExportsOfModule(module)).flatMap((symbol) => {
    const target = targetOf(checker, symbol)
    const [declaration] = target.declarations
    if (declaration === undefined || declaration.path.includes("/node_modules/")) return []
    if ((target.flags & SymbolFlags.Module) === 0) {
      return [describe(project, `${specifier} ${symbol.name}`, symbol, target)]
    }
    // a namespace: a module of its own, or what only this one shows
    const inner = relative(root, declaration.resolve(project)!.getSourceFile().fileName)
    return paths.has(inner) ? [] : exportsOf(project, `${specifier} ${symbol.name}`, `${root}${inner}`)
  })
}

const paths = new Set(Object.values(publicModules))

const targetOf = (checker: Checker, symbol: Symbol): Symbol =>
  (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)

const describe = (project: Project, name: string, symbol: Symbol, target: Symbol): Export => {
  // of several declarations of one name, the value's has the documentation
  const declaration = target.valueDeclaration ?? target.declarations[0]!
  const node = declaration.resolve(project)!
  const text = node.getSourceFile().text
  const tags = [target, symbol].flatMap((one) => project.checker.getJsDocTagsOfSymbol(one))
  return {
    name,
    file: relative(root, node.getSourceFile().fileName),
    line: text.slice(0, node.getStart()).split("\n").length,
    isValue: (target.flags & SymbolFlags.Value) !== 0,
    tags: new Map(tags.map((tag) => [tag.name, tag.text ?? ""]))
  }
}
