// A plugin for typedoc: classes of `effect` have dozens of members, of which only a service's shape is ours to tell.
import { Converter, ReflectionKind } from "typedoc"

/** What `Context.Service` calls the type of the implementation. */
const SHAPE = "Service"

export const load = (app) => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const parent of project.getReflectionsByKind(ReflectionKind.ClassOrInterface)) {
      for (const member of (parent.children ?? []).filter(({ flags }) => flags.isExternal)) {
        if (member.name === SHAPE && !member.flags.isStatic) member.inheritedFrom = undefined
        else project.removeReflection(member)
      }
    }
    // `exports` calls it "."
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) module.name ||= project.name
  })
}
