// A plugin for typedoc: pages as programs on Effect have them.
import { readFileSync } from "node:fs"
import { Comment, Converter, ReflectionKind } from "typedoc"

/** What `Context.Service` calls the type of the implementation. */
const SHAPE = "Service"

export const load = (app) => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const owner of project.getReflectionsByKind(ReflectionKind.ClassOrInterface)) leaveOutInherited(project, owner)
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      // `exports` calls it "."
      module.name ||= project.name
      module.comment ??= openingOf(project.getSymbolIdFromReflection(module)?.fileName)
    }
  })
}

/** Classes of `effect` have dozens of members, of which only a service's shape is ours to tell. */
const leaveOutInherited = (project, owner) => {
  for (const member of (owner.children ?? []).filter(({ flags }) => flags.isExternal)) {
    if (member.name === SHAPE && !member.flags.isStatic) member.inheritedFrom = undefined
    else project.removeReflection(member)
  }
}

/** The comment with which a file begins, without its tags; typedoc wants `@module` in it. */
const openingOf = (file) => {
  const [, text] = /^\/\*\*(.*?)(?:\n \* @|\*\/)/s.exec(file === undefined ? "" : readFileSync(file, "utf8")) ?? []
  if (text === undefined) return undefined
  return new Comment([{ kind: "text", text: text.replaceAll(/^ \* ?/gm, "").trim() }])
}
