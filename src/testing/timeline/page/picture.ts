/** The page's program: draws what is in view. */
export const picture = String.raw`
const HEAD = 44
const NARROW = 700
const entriesByLane = data.lanes.map((_, lane) => {
  const spans = data.entries.filter((entry) => entry.lane === lane && !isMoment(entry))
  const freezes = spans.filter((entry) => entry.shape === "frozen")
  const bars = spans.filter((entry) => entry.shape !== "frozen")
  const rows = Array.from({ length: data.lanes[lane].rows }, (_, row) => bars.filter((entry) => entry.row === row))
  return { freezes, rows, moments: data.entries.filter((entry) => entry.lane === lane && isMoment(entry)) }
})
const view = { width: 0, left: 0, height: 0 }
const xOf = (time) => view.left + (unitsOf(time) - state.from) / (state.until - state.from) * (view.width - view.left - 8)
const unitAt = (x) => state.from + (x - view.left) / (view.width - view.left - 8) * (state.until - state.from)

const pattern = (id, size, d, className) =>
  shape("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse" }, shape("path", { d, class: className }))
const patterns = () => shape("defs", {},
  pattern("pattern-frozen", 8, "M-2 10L10-2M-2 2L2-2M6 10L10 6", "hatch"),
  pattern("pattern-bad", 8, "M-2-2L10 10M6-2L10 2M-2 6L2 10", "hatch-bad"),
  pattern("pattern-flush", 6, "M3 0V6", "hatch-flush"),
  pattern("pattern-waits", 6, "M0 3H6", "hatch-waits"),
  shape("clipPath", { id: "clip" }, shape("rect", { x: view.left - 4, y: 0, width: view.width - view.left + 4, height: view.height })))

const drawGenerations = (group) => {
  for (const { from, number: generation, until } of data.generations) {
    const x = Math.max(view.left, xOf(from))
    const end = Math.min(view.width - 8, xOf(until))
    if (end <= x) continue
    group.append(shape("path", { d: "M" + x + " 14v-5h" + (end - x) + "v5", class: "bracket" }))
    const word = "generation " + generation
    if (end - x > word.length * CHARACTER + 12) {
      const middle = (x + end) / 2
      group.append(
        shape("rect", { x: middle - word.length * 3.4 - 5, y: 1, width: word.length * 6.8 + 10, height: 16, class: "paper" }),
        shape("text", { x: middle, y: 13, "text-anchor": "middle" }, word)
      )
    }
  }
}

const drawAxis = (group) => {
  const perPixel = (state.until - state.from) / (view.width - view.left)
  const step = niceStep(perPixel * 84)
  let free = view.left
  for (const { at, folded, from, units, until } of axis.stretches) {
    if (at + units < state.from || at > state.until) continue
    if (folded) {
      const x = xOf(from)
      const width = xOf(until) - x
      group.append(shape("rect", { x, y: HEAD - 20, width, height: view.height - HEAD + 20, class: "fold" }, shape("title", {}, duration(until - from) + " in which nothing happened, folded")))
      const word = duration(until - from)
      const middle = x + width / 2
      const turned = width > word.length * CHARACTER ? undefined : "rotate(-90 " + middle + " " + view.height / 2 + ")"
      if (width > 14) {
        const y = turned === undefined ? HEAD - 9 : view.height / 2 + 4
        group.append(shape("text", { x: middle, y, transform: turned, "text-anchor": "middle", class: "folded" }, word))
      }
      for (const edge of [x, x + width]) {
        let d = "M" + edge + " " + (HEAD - 20)
        for (let y = HEAD - 20; y < view.height; y += 8) d += "l3 2l-6 4l3 2"
        group.append(shape("path", { d, class: "tear" }))
      }
      free = Math.max(free, x + width + 4)
      continue
    }
    const last = Math.min(until, timeOf(state.until))
    const edge = Math.min(view.width, xOf(until) + (until === data.end ? 8 : 0))
    for (let tick = Math.ceil(Math.max(from, timeOf(state.from)) / step) * step; tick <= last + 1e-9; tick += step) {
      const x = xOf(tick)
      group.append(shape("path", { d: "M" + x + " " + (HEAD - 4) + "V" + view.height, class: "grid" }))
      const word = tickLabel(tick, step)
      const start = Math.max(view.left, x - word.length * 3.3)
      if (start < free || start + word.length * CHARACTER > edge) continue
      group.append(shape("text", { x: start, y: HEAD - 9, class: "tick" }, word))
      free = start + word.length * CHARACTER + 14
    }
  }
}

/** What stands still while the sandbox is frozen stands on a grey ground. */
const drawFreezes = (group, freezes) => {
  for (const { from, until } of freezes) {
    const x = xOf(from)
    const width = xOf(until === undefined ? data.end : until) - x
    if (width > 1) group.append(shape("rect", { x, y: HEAD, width, height: view.height - HEAD, class: "frozen-ground" }))
  }
}

const drawMark = (cluster, y, room) => {
  const { entry } = cluster
  const mark = (isMoment(entry) ? sign : bar)(cluster, y, room)
  mark.setAttribute("class", "mark k-" + entry.shape + " t-" + entry.tone + (isShown(entry) ? "" : " dimmed") + (state.selected === entry ? " selected" : ""))
  mark.append(shape("title", {}, titleOf(cluster)))
  mark.entry = entry
  return mark
}

const inView = (entry) => {
  const from = timeOf(state.from)
  const until = timeOf(state.until)
  return untilOf(entry) >= from && entry.from <= until
}

let drawn = 0
const drawRow = (group, entries, y, nearest) => {
  const clusters = clustered(entries.filter(inView), nearest)
  clusters.forEach((cluster, index) => {
    const next = clusters[index + 1]
    drawn += cluster.count - 1
    group.append(drawMark(cluster, y, (next === undefined ? view.width : next.x - 6) - cluster.x))
  })
}

const draw = () => {
  const holder = byId("picture")
  view.width = Math.max(280, holder.clientWidth)
  const isNarrow = view.width < NARROW
  view.left = isNarrow ? 8 : 160
  const labelHeight = isNarrow ? 17 : 0
  const lanes = []
  let y = HEAD + 4
  data.lanes.forEach(({ label, rows }, index) => {
    const { moments } = entriesByLane[index]
    const hasBars = entriesByLane[index].rows.some((row) => row.length > 0)
    const height = (hasBars ? rows : 0) * ROW + (moments.length > 0 ? ROW : 0) + labelHeight + 6
    lanes.push({ label, y, height, hasBars, rows })
    y += height
  })
  view.height = y
  drawn = 0
  const below = shape("g", { "clip-path": "url(#clip)" })
  const above = shape("g", { "clip-path": "url(#clip)" })
  const labels = shape("g", { class: "labels" })
  drawAxis(below)
  drawFreezes(below, data.entries.filter((entry) => entry.shape === "frozen" && inView(entry)))
  drawGenerations(above)
  lanes.forEach(({ hasBars, height, label, rows, y }, index) => {
    labels.append(shape("path", { d: "M0 " + (y + height - 2) + "H" + view.width, class: "lane-line" }))
    const shortened = label.length > (isNarrow ? 40 : 20) ? label.slice(0, isNarrow ? 39 : 19) + "…" : label
    labels.append(shape("text", { x: isNarrow ? 8 : 4, y: y + (isNarrow ? 13 : 16), class: "lane-label" }, shortened))
    const top = y + labelHeight
    drawRow(above, entriesByLane[index].freezes, top, -2)
    entriesByLane[index].rows.forEach((entries, row) => drawRow(above, entries, top + row * ROW, -2))
    drawRow(above, entriesByLane[index].moments, top + (hasBars ? rows * ROW : 0), 9)
  })
  const picture = shape("svg", { width: view.width, height: view.height, viewBox: "0 0 " + view.width + " " + view.height, role: "img", "aria-labelledby": "picture-heading picture-summary" }, patterns(), below, labels, above)
  holder.replaceChildren(picture)
  const from = timeOf(state.from)
  const until = timeOf(state.until)
  byId("range").textContent = (state.until - state.from >= axis.units - 1e-6 ? "All of it: " : "In view: ") + moment(from) + " to " + moment(until) +
    (drawn > 0 ? " · " + plural(drawn, "entry", "entries") + " too close to draw apart" : "")
  for (const id of ["zoom-out", "zoom-all", "pan-left", "pan-right"]) byId(id).disabled = state.until - state.from >= axis.units - 1e-6
}
`
