/** The page's program: what an entry looks like. Shape and pattern say what colour says. */
export const marks = String.raw`
const ROW = 24
const isMoment = (entry) => entry.from === entry.until
const CHARACTER = 6.6

/** Their word may stand beside them. */
const BESIDE = new Set(["request", "invoke"])

/** A bar, with its word when there is room. */
const bar = ({ bad, count, end: to, entry, x }, y, room) => {
  const width = to - x
  const wide = Math.max(width, 3)
  const group = shape("g", {})
  const box = { x, y: y + 3, width: wide, height: ROW - 6, rx: Math.min(3, wide / 2) }
  group.append(shape("rect", { ...box, class: "fill" }))
  if (entry.tone === "bad") group.append(shape("rect", { ...box, class: "bad-pattern", fill: "url(#pattern-bad)" }))
  else if (entry.shape === "frozen") group.append(shape("rect", { ...box, fill: "url(#pattern-frozen)" }))
  else if (entry.shape === "flush" || entry.shape === "waits") group.append(shape("rect", { ...box, fill: "url(#pattern-" + entry.shape + ")" }))
  const word = count === 1 ? (bad > 0 ? "✘ " : "") + entry.mark : bad > 0 ? "✘" + number(bad) + "/" + number(count) : "×" + number(count)
  const inside = word.length * CHARACTER + 8
  const start = Math.max(x, view.left)
  const end = Math.min(x + wide, view.width - 8)
  if (word !== "" && end - start >= inside) {
    const middle = (start + end) / 2
    if (entry.shape === "flush" || entry.shape === "frozen" || entry.tone === "bad") {
      group.append(shape("rect", { x: middle - inside / 2, y: y + 5, width: inside, height: ROW - 10, rx: 3, class: "plate" }))
    }
    group.append(shape("text", { x: middle, y: y + ROW / 2 + 4, "text-anchor": "middle" }, word))
  } else if (word !== "" && BESIDE.has(entry.shape) && room > wide + inside) {
    group.append(shape("text", { x: x + wide + 4, y: y + ROW / 2 + 4, class: "count" }, word))
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
const sign = ({ count, entry, x }, y, room) => {
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

const titleOf = ({ bad, count, entry }) => {
  const span = isMoment(entry) ? "" : ", " + (entry.until === undefined ? "goes on" : duration(entry.until - entry.from))
  const more = count > 1 ? "\n… and " + plural(count - 1, "more entry", "more entries") + " this close" + (bad > 0 ? ", " + number(bad) + " of all went wrong" : "") + ": zoom in" : ""
  return moment(entry.from) + span + "\n" + entry.text.slice(0, 300) + more
}

/** Wide enough for a number. */
const CLUSTER = 48

const isBetter = (entry, than) => {
  const rank = ({ tone }) => tone === "bad" ? 1 : 0
  const [a, b] = [isShown(entry) ? 1 : 0, isShown(than) ? 1 : 0]
  if (a !== b) return a > b
  if (rank(entry) !== rank(than)) return rank(entry) > rank(than)
  return untilOf(entry) - entry.from > untilOf(than) - than.from
}

/** Entries of one row that are closer than a mark is wide, as one mark with their number. */
const clustered = (entries, nearest) => {
  const clusters = []
  for (const entry of entries) {
    const x = xOf(entry.from)
    const end = isMoment(entry) ? x : Math.max(x + 3, xOf(untilOf(entry)))
    const last = clusters[clusters.length - 1]
    const isNear = last !== undefined && x < last.last + nearest && end < last.x + CLUSTER
    if (!isNear) clusters.push({ entry, x, end, last: isMoment(entry) ? x : end, count: 1, bad: entry.tone === "bad" ? 1 : 0 })
    else {
      last.count++
      if (entry.tone === "bad") last.bad++
      last.end = Math.max(last.end, end)
      last.last = Math.max(last.last, isMoment(entry) ? x : end)
      // what was asked for, what went wrong and what lasts longest is not hidden behind the others
      if (isBetter(entry, last.entry)) last.entry = entry
    }
  }
  return clusters
}
`
