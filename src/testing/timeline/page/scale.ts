/** The page's program: from time to pixels and back, over the folds. */
export const scale = String.raw`
/** A fold is as wide as this part of all that is drawn to scale, and all of them no wider than that. */
const FOLD_SHARE = 0.05
const FOLDS_SHARE = 0.5

const axis = { stretches: [], units: 0 }

/** Lays the stretches one after the other, in units of a millisecond that is drawn to scale. */
const layAxis = () => {
  const scaled = data.axis.reduce((sum, [from, until, folded]) => sum + (folded ? 0 : until - from), 0)
  const folds = data.axis.filter(([, , folded]) => folded).length
  const wide = Math.max(scaled * Math.min(FOLD_SHARE, FOLDS_SHARE / Math.max(1, folds)), 0.001)
  const stretches = state.folds && data.axis.length > 0 ? data.axis : [[0, data.end, 0]]
  let at = 0
  axis.stretches = stretches.map(([from, until, folded]) => {
    const units = Math.max(folded ? wide : until - from, 0.001)
    const stretch = { from, until, folded: folded === 1, at, units }
    at += units
    return stretch
  })
  axis.units = at
}

/** The last stretch that begins at or before a value of one of its members. */
const stretchAt = (member, value) => {
  let low = 0
  let high = axis.stretches.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (axis.stretches[middle][member] <= value) low = middle + 1
    else high = middle
  }
  return axis.stretches[Math.max(0, low - 1)]
}
const unitsOf = (time) => {
  const { at, from, units, until } = stretchAt("from", time)
  return at + Math.min(1, Math.max(0, (time - from) / Math.max(until - from, 0.001))) * units
}
const timeOf = (position) => {
  const { at, from, units, until } = stretchAt("at", position)
  return from + Math.min(1, Math.max(0, (position - at) / units)) * (until - from)
}

/** 1, 2 or 5 of a power of ten, the next above. */
const niceStep = (least) => {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least)
}
const tickLabel = (ms, step) => {
  const digits = Math.max(0, -Math.floor(Math.log10(step / 1000) + 1e-9))
  return step < 1 ? ms.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))) + " ms"
    : step < 1000 && data.end < 1000 ? ms.toFixed(0) + " ms" : (ms / 1000).toFixed(Math.min(digits, 3)) + " s"
}

/** Shows from one unit to another, no closer than a microsecond, no farther than all. */
const show = (from, until) => {
  const width = Math.min(axis.units, Math.max(0.02, until - from))
  const start = Math.min(axis.units - width, Math.max(0, from))
  state.from = start
  state.until = start + width
  draw()
}
const zoom = (factor, around = (state.from + state.until) / 2) =>
  show(around - (around - state.from) * factor, around + (state.until - around) * factor)
const pan = (share) => {
  const by = (state.until - state.from) * share
  show(state.from + by, state.until + by)
}
`
