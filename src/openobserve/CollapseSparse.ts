/** Finds the objects of a batch whose columns hardly any other record has: as text they are as useful, and one column. */
import { type ColumnSurvey, type Flattened, forEachObject, type Place } from "./ColumnSurvey.ts"

/** An object is sparse when its columns are, on average, in fewer records than this: keys of its own, mostly. */
const DENSE_RECORDS = 4

interface Sparse {
  readonly objects: Array<Flattened>
  /** Columns that these objects bring, all together. */
  columns: number
}

/**
 * Marks sparse objects as texts, everywhere in the batch where they stand in the same place, beginning with the place that
 * brings the most columns, until no more than `enough` are left. Places that bring fewer than `few` stay as they are.
 */
export const collapseSparse = (survey: ColumnSurvey, enough: number, few: number): void => {
  const spread = survey.spread()
  let columns = spread.reduce((count, records) => records > 0 ? count + 1 : count, 0)
  // as text an object would be one column of the object around it
  for (const record of survey.records) forEachObject(record, ({ place }) => spread[place.column]!++)
  const places = new Map<Place, Sparse>()
  for (const record of survey.records) {
    forEachObject(record, (object) => {
      const share = shareOf(object, spread)
      if (share * DENSE_RECORDS <= object.columns.length + object.objects.length) return
      const sparse = places.get(object.place) ?? { objects: [], columns: 0 }
      places.set(object.place, sparse)
      sparse.objects.push(object)
      sparse.columns += share
    })
  }
  for (const sparse of [...places.values()].sort((one, other) => other.columns - one.columns)) {
    if (columns <= enough || sparse.columns < few) return
    for (const object of sparse.objects) object.isText = true
    columns -= sparse.columns
  }
}

/** An object's part in the columns of the batch: those that it has alone, half of those that it shares with another … */
const shareOf = (object: Flattened, spread: Uint32Array): number => {
  let share = 0
  for (const column of object.columns) share += 1 / spread[column]!
  for (const { place } of object.objects) share += 1 / spread[place.column]!
  return share
}
