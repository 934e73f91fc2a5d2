/**
 * Divides a body into bodies of few enough columns each: OpenObserve counts the columns of a whole batch, and drops it
 * when they are too many.
 */
import { ColumnPacking } from "./ColumnPacking.ts"
import { ColumnSurvey } from "./ColumnSurvey.ts"
import type { RecordBody } from "./RecordBody.ts"

/**
 * The records in as few bodies as first fit makes, each with at most `limit` columns. Within a body they keep their
 * order. A record that alone has more columns than that shares a body only with such as bring no further ones.
 */
export const splitByColumns = (body: Buffer, limit: number): Array<RecordBody> => {
  const survey = new ColumnSurvey(body)
  return survey.bodies(groupsOf(survey, limit, Infinity)!)
}

/** The number of each record's body, in order; `undefined` when there would be more than `maxBodies`. */
export const groupsOf = (survey: ColumnSurvey, limit: number, maxBodies: number): Array<number> | undefined => {
  const packing = new ColumnPacking(limit)
  const groups: Array<number> = []
  for (const record of survey.records) {
    groups.push(packing.add(survey.columnsOf(record)))
    if (packing.size > maxBodies) return undefined
  }
  return groups
}
