/** The page's program: what an entry looks like. Shape and pattern say what colour says. */
export const marks = String.raw`
const ROW = 24
const isMoment = (entry) => entry.from === entry.until
const CHARACTER = 6.6

/** A bar, with its word when there is room. */
const bar = (entry, x, width, y, count) => {
  const wide = Math.max(width, 3)
  const group = shape("g", {})
  const box = { x, y: y + 3, width: wide, height: ROW - 6, rx: Math.min(3, wide / 2) }
  group.append(shape("rect", { ...box, class: "fill" }))
  if (entry.tone === "bad") group.append(shape("rect", { ...box, class: "bad-pattern", fill: "url(#pattern-bad)" }))
  else if (entry.shape === "frozen") group.append(shape("rect", { ...box, fill: "url(#pattern-frozen)" }))
  else if (entry.shape === "after") group.append(shape("rect", { ...box, fill: "url(#pattern-after)" }))
  const word = count > 1 ? "×" + number(count) : (entry.tone === "bad" ? "✘ " : "") + entry.mark
  const inside = word.length * CHARACTER + 8
  if (word !== "" && wide >= inside) {
    const middle = Math.max(x, 0) + Math.min(wide, wide + Math.min(x, 0)) / 2
    if (entry.shape === "after" || entry.shape === "frozen" || entry.tone === "bad") {
      group.append(shape("rect", { x: middle - inside / 2, y: y + 5, width: inside, height: ROW - 10, rx: 3, class: "plate" }))
    }
    group.append(shape("text", { x: middle, y: y + ROW / 2 + 4, "text-anchor": "middle" }, word))
  }
  return group
}

const SIGNS = {
  post: (x, y) => "M" + x + " " + (y - 6) + "l6 6l-6 6l-6-6z",
  call: (x, y) => "M" + (x - 4.5) + " " + (y + 8) + "h9l-4.5-8z",
  line: (x, y) => "M" + (x - 1) + " " + (y - 7) + "h2v14h-2z",
  "error-line": (x, y) => "M" + (x - 1) + " " + (y - 7) + "h2v8h-2zM" + (x - 2.5) + " " + (y + 3) + "h5v5h-5z"
}

/** A sign for a moment; a cross over it when it went wrong. */
const sign = (entry, x, y, count, room) => {
  const middle = y + ROW / 2
  const group = shape("g", {}, shape("path", { d: SIGNS[entry.shape](x, middle), class: "fill" }))
  if (entry.tone === "bad") {
    group.append(shape("path", { d: "M" + (x - 6) + " " + (middle - 6) + "l12 12m0-12l-12 12", class: "cross" }))
  }
  if (count > 1 && room > 8 + CHARACTER * (1 + String(count).length)) {
    group.append(shape("text", { x: x + 8, y: middle + 4, class: "count" }, "×" + number(count)))
  }
  return group
}

const titleOf = (entry, count) => {
  const span = isMoment(entry) ? "" : ", " + (entry.until === undefined ? "goes on" : duration(entry.until - entry.from))
  const more = count > 1 ? "\n… and " + plural(count - 1, "more entry", "more entries") + " this close: zoom in" : ""
  return moment(entry.from) + span + "\n" + entry.text.slice(0, 300) + more
}

/** Entries of one row that are closer than a mark is wide, as one mark with their number. */
const clustered = (entries, position, nearest) => {
  const clusters = []
  for (const entry of entries) {
    const x = position(entry.from)
    const end = isMoment(entry) ? x : Math.max(x + 3, position(untilOf(entry)))
    const last = clusters[clusters.length - 1]
    const isNear = last !== undefined && x < (isMoment(entry) ? last.x + nearest : last.end - 0.5) && end < last.x + 12
    if (!isNear) clusters.push({ entry, x, end, count: 1, isShown: isShown(entry), bad: entry.tone === "bad" })
    else {
      last.count++
      last.end = Math.max(last.end, end)
      // what went wrong, or what was asked for, is not hidden behind the others
      if ((entry.tone === "bad" && !last.bad) || (isShown(entry) && !last.isShown)) last.entry = entry
      last.bad = last.bad || entry.tone === "bad"
      last.isShown = last.isShown || isShown(entry)
    }
  }
  return clusters
}
`
