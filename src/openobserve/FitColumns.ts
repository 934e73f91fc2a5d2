/**
 * Brings a batch of too many columns into a form that OpenObserve takes, in few requests: divided, and where that would
 * make too many of it, with JSON text in place of objects.
 */
import { ColumnPacking } from "./ColumnPacking.ts"
import { ColumnSurvey, type Flattened, forEachObject, type Place } from "./ColumnSurvey.ts"
import { collapseSparse } from "./CollapseSparse.ts"
import type { RecordBody } from "./RecordBody.ts"
import { groupsOf } from "./SplitByColumns.ts"

/** Bodies of a batch that is only divided: as many as the core has under way at once, so that they take as long as one. */
const MAX_BODIES = 4

/**
 * Bodies of a batch before objects become text whose columns many records share: people ask for those, which is worth
 * four rounds of requests.
 */
const MAX_DENSE_BODIES = 16

/** What was collapsed. */
interface Collapsed {
  /** The place that brought the most columns: the keys that lead there, with dots between them. */
  readonly member: string
  /** Different columns that it brought. */
  readonly columns: number
  /** Records in which it was collapsed. */
  readonly records: number
}

/** A batch in a form that OpenObserve takes. */
export interface Fitted {
  /** Each record once, in order within a body. */
  readonly bodies: ReadonlyArray<RecordBody>
  /** Present when objects were replaced by strings of their JSON text. */
  readonly collapsed: Collapsed | undefined
}

/**
 * The records in bodies of at most `limit` columns, as `splitByColumns` has them, when these are few. Else sparse objects
 * become text first, in all records alike; then, should that not suffice, objects of the records whose columns the fewest
 * others have, where these fit into none of few bodies. What a record has at its top is never replaced.
 */
export const fitColumns = (body: Buffer, limit: number): Fitted => {
  const survey = new ColumnSurvey(body)
  const whole = groupsOf(survey, limit, MAX_BODIES)
  if (whole !== undefined) return { bodies: survey.bodies(whole), collapsed: undefined }
  // what all records have is in every body, so that they take less than the limit says
  collapseSparse(survey, limit * MAX_BODIES / 2, limit / MAX_BODIES)
  const groups = groupsOf(survey, limit, MAX_DENSE_BODIES) ?? groupsOfFitting(survey, limit)
  return { bodies: survey.bodies(groups), collapsed: collapsedOf(survey) }
}

/** The number of each record's body: those come first whose columns many have; what finds no room is collapsed. */
const groupsOfFitting = (survey: ColumnSurvey, limit: number): Array<number> => {
  const spread = survey.spread()
  const shareOf = (columns: ReadonlySet<number>) => {
    let share = 0
    for (const column of columns) share += 1 / spread[column]!
    return share
  }
  const records = survey.records.map((record, index) => {
    const columns = survey.columnsOf(record)
    return { record, index, columns, share: shareOf(columns) }
  })
  const groups: Array<number> = []
  const packing = new ColumnPacking(limit)
  const rest: Array<number> = []
  for (const { columns, index, record } of records.sort((one, other) => one.share - other.share)) {
    let group = packing.size < MAX_BODIES - 1 ? packing.add(columns) : packing.addToExisting(columns)
    while (group === undefined && collapseWidest(record)) group = packing.addToExisting(survey.columnsOf(record))
    if (group === undefined) rest.push(index)
    else groups[index] = group
  }
  const texts = new ColumnPacking(limit)
  for (const index of rest) groups[index] = packing.size + texts.add(survey.columnsOf(survey.records[index]!))
  return groups
}

/** Marks as text what has the most columns and is none; false when there is nothing left. */
const collapseWidest = (record: Flattened): boolean => {
  let widest: Flattened | undefined
  forEachObject(record, (object) => {
    const isWider = object.columns.length >= (widest?.columns.length ?? 0)
    if (!object.isText && isWider && hasColumns(object)) widest = object
  })
  if (widest === undefined) return false
  widest.isText = true
  return true
}

/** Whether there is a column in it; one that is empty has none unless it is text. */
const hasColumns = ({ columns, objects }: Flattened): boolean => columns.length > 0 || objects.some(hasColumns)

const collapsedOf = (survey: ColumnSurvey): Collapsed | undefined => {
  const places = new Map<Place, { readonly columns: Set<number>; records: number }>()
  for (const record of survey.records) {
    forEachObject(record, (object) => {
      if (!object.isText) return
      const collapsed = places.get(object.place) ?? { columns: new Set(), records: 0 }
      places.set(object.place, collapsed)
      collapsed.records++
      for (const column of survey.columnsOf({ ...object, isText: false })) collapsed.columns.add(column)
    })
  }
  let most: Collapsed | undefined
  for (const [{ path }, { columns, records }] of places) {
    if (columns.size > (most?.columns ?? -1)) most = { member: path, columns: columns.size, records }
  }
  return most
}
