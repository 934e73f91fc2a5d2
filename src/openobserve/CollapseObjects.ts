/** Makes records storable that alone have more columns than OpenObserve takes: objects become columns of JSON text. */
import { type RecordBody, rewrite } from "./RecordBody.ts"
import { columnsOf, isFlattened, isSomething, membersOf } from "./Columns.ts"
import { lastOfEachKey, type Member } from "../json/ObjectScanner.ts"
import { withObjectsAsText } from "./ObjectText.ts"

/** An object that is stored as its members. */
interface Flattened {
  readonly member: Member
  readonly parent: Flattened | undefined
  /** Members that hold anything. */
  readonly width: number
  /** Columns inside, each counted once more when two fall together. */
  columns: number
  isText: boolean
}

/**
 * In records of more than `limit` columns the objects with the most members, one after the other until it suffices, are
 * replaced by strings of the JSON text that they were: one column instead of one for each member. What a record has at
 * its top is never replaced, so more than `limit` members there remain too many.
 */
export const collapseObjects = (body: Buffer, limit: number): RecordBody =>
  rewrite(body, ({ bytes, end, members, start }) => {
    if (columnsOf(bytes, members).size <= limit) return undefined
    const objects: Array<Flattened> = []
    let columns = survey(bytes, lastOfEachKey(bytes, members).values(), undefined, 1, objects)
    for (const object of objects.toSorted((one, other) => other.width - one.width)) {
      if (columns <= limit) break
      const saved = object.columns - 1
      if (saved <= 0 || object.parent?.isText === true) continue
      object.isText = true
      columns -= saved
      if (object.parent !== undefined) object.parent.columns -= saved
    }
    const texts = objects.filter(({ isText, parent }) => isText && parent?.isText !== true)
      .map(({ member }) => ({ start: member.valueStart, end: member.valueEnd }))
    return withObjectsAsText(bytes, start, end, texts)
  })

/** Lists the objects, inner before outer: of two as wide the inner is replaced. Answers with the number of columns. */
const survey = (
  bytes: Buffer,
  members: Iterable<Member>,
  parent: Flattened | undefined,
  level: number,
  objects: Array<Flattened>
): number => {
  let columns = 0
  for (const member of members) {
    if (!isSomething(bytes, member)) continue
    if (!isFlattened(bytes, member, level)) {
      columns++
      continue
    }
    const inside = [...lastOfEachKey(bytes, membersOf(bytes, member)).values()]
    const width = inside.filter((member) => isSomething(bytes, member)).length
    const object: Flattened = { member, parent, width, columns: 0, isText: false }
    object.columns = survey(bytes, inside, object, level + 1, objects)
    objects.push(object)
    columns += object.columns
  }
  return columns
}
