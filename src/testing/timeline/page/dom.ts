/** The page's program, part one: elements out of data, never out of markup. */
export const dom = String.raw`
const data = JSON.parse(document.getElementById("run").textContent)
const byId = (id) => document.getElementById(id)

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value))
  }
  for (const child of children) node.append(child)
  return node
}
const element = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children)
const SVG = "http://www.w3.org/2000/svg"
const shape = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children)

const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 })
const plural = (count, what, many = what + "s") => number(count) + " " + (count === 1 ? what : many)

/** A duration with a precision that suits it. */
const duration = (ms) => {
  if (ms === undefined) return "–"
  if (ms < 10) return ms.toFixed(ms < 1 ? 2 : 1) + " ms"
  if (ms < 1000) return ms.toFixed(0) + " ms"
  if (ms < 100000) return (ms / 1000).toFixed(2) + " s"
  return ms < 7200000 ? (ms / 60000).toFixed(1) + " min" : (ms / 3600000).toFixed(1) + " h"
}
/** A moment, counted from the beginning of the run. */
const moment = (ms) => (ms < 0 ? "−" : "+") + (Math.abs(ms) / 1000).toFixed(Math.abs(ms) < 1000000 ? 4 : 1) + " s"
const clock = (ms) => new Date(data.began + ms).toISOString().replace("T", " ").replace("Z", "")
const untilOf = (entry) => entry.until === undefined ? data.end : entry.until

const state = { calls: undefined, from: 0, until: 0, folds: true, selected: undefined, pages: {}, lane: "" }
const isShown = (entry) => state.calls === undefined || entry.calls.some((call) => state.calls.has(call))
`
