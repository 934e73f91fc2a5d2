/** The page's program: the same as the picture in words, a hundred rows at a time. */
export const tables = String.raw`
const PAGE = 100

const callButton = (call) => {
  const { id } = data.calls[call]
  const pressed = state.calls !== undefined && state.calls.size === 1 && state.calls.has(call)
  const button = element("button", { type: "button", class: "id", "aria-pressed": pressed ? "true" : "false" }, id === "" ? "#" + (call + 1) : id)
  button.addEventListener("click", () => filterBy(pressed ? "" : id))
  return button
}
/** Calls by their number; the ids stand in the table of calls. */
const callNumbers = (calls) => calls.length > 6
  ? "#" + (calls[0] + 1) + " … #" + (calls[calls.length - 1] + 1) + " (" + calls.length + ")"
  : calls.map((call) => "#" + (call + 1)).join(" ")

const row = (cells, className) =>
  element("tr", { class: className }, ...cells.map((cell, index) =>
    element(index === 0 ? "th" : "td", index === 0 ? { scope: "row" } : {}, cell)))

const disclosure = (pairs) => {
  if (pairs.length === 0) return ""
  const details = element("details", {}, element("summary", {}, "details"))
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return
    details.append(element("dl", {}, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])))
  })
  return details
}

const TONES = { good: "✔", bad: "✘", plain: "" }

/** Fills a table with one page of rows, and the navigation below it. */
const fillTable = (name, rows, toRow) => {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE))
  const page = Math.min(state.pages[name] || 0, pages - 1)
  byId(name + "-rows").replaceChildren(...rows.slice(page * PAGE, (page + 1) * PAGE).map(toRow))
  const pager = byId(name + "-pager")
  pager.hidden = pages === 1
  if (pages === 1) return pager.replaceChildren()
  const turn = (to) => () => {
    state.pages[name] = to
    fillTable(name, rows, toRow)
    const again = pager.querySelector(to > page ? "button:last-of-type" : "button")
    if (!again.disabled) again.focus()
    else pager.querySelector("button:not(:disabled)").focus()
  }
  const button = (label, to) => {
    const made = element("button", { type: "button", disabled: to < 0 || to >= pages }, label)
    made.addEventListener("click", turn(to))
    return made
  }
  pager.replaceChildren(
    button("Previous", page - 1),
    element("span", { role: "status" }, number(page * PAGE + 1) + "–" + number(Math.min(rows.length, (page + 1) * PAGE)) + " of " + number(rows.length)),
    button("Next", page + 1)
  )
}

const shownEntries = () =>
  data.entries.filter((entry) => isShown(entry) && (state.lane === "" || entry.lane === Number(state.lane)))
const shownRecords = () => data.records.filter(isShown)

const fillCalls = () => {
  const rows = data.calls.map((call, index) => ({ ...call, index })).filter(({ index }) => state.calls === undefined || state.calls.has(index))
  fillTable("calls", rows, (call) => row([
    "#" + (call.index + 1),
    callButton(call.index),
    String(call.generation),
    moment(call.from),
    duration(call.until === undefined ? undefined : call.until - call.from),
    duration(call.functionMs),
    duration(call.extensionMs),
    (call.isGood ? "✔ " : call.until === undefined ? "" : "✘ ") + (call.outcome === "" ? "goes on" : call.outcome)
  ], call.isGood || call.until === undefined ? undefined : "bad"))
}

const fillEntries = () =>
  fillTable("entries", shownEntries(), (entry) => row([
    moment(entry.from),
    isMoment(entry) ? "" : entry.until === undefined ? "goes on" : duration(entry.until - entry.from),
    data.lanes[entry.lane].label,
    element("div", { class: "what" }, element("span", { class: "tone" }, TONES[entry.tone]), element("span", { class: entry.shape.endsWith("line") ? "text verbatim" : "text" }, entry.text)),
    callNumbers(entry.calls),
    String(entry.generation),
    disclosure(entry.details)
  ], entry.tone === "bad" ? "bad" : undefined))

const fillRecords = () =>
  fillTable("records", shownRecords(), (record) => row([
    record.at === undefined ? "–" : moment(record.at),
    record.type,
    element("span", { class: "text verbatim" }, record.text),
    callNumbers(record.calls),
    disclosure(record.columns)
  ]))

const fillLedgers = () => {
  const holder = byId("ledgers")
  if (data.ledgers.length === 0) return holder.replaceChildren(element("p", { class: "quiet" }, "The extension has closed no ledger in this run."))
  holder.replaceChildren(...data.ledgers.map(({ addsUp, caption, rows }) => element("table", {},
    element("caption", {}, caption, ...(addsUp === undefined ? [] : [element("strong", { class: addsUp ? "good" : "bad" }, addsUp ? "✔ adds up" : "✘ does not add up")])),
    element("tbody", {}, ...rows.map(([name, value]) => row([name, value]))))))
}

const startTables = () => {
  const lanes = byId("lane")
  data.lanes.forEach(({ label }, index) => lanes.append(element("option", { value: index }, label)))
  lanes.addEventListener("change", () => {
    state.lane = lanes.value
    state.pages.entries = 0
    fillEntries()
    tellCounts()
  })
  const { common, omitted } = data
  byId("common").hidden = common.length === 0
  byId("common-columns").append(...common.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))
  const notes = [
    ...(omitted.entries === 0 ? [] : [plural(omitted.entries, "later entry", "later entries") + " left out of this page"]),
    ...(omitted.records === 0 ? [] : [plural(omitted.records, "later record") + " left out of this page"])
  ]
  byId("omitted").hidden = notes.length === 0
  byId("omitted").textContent = notes.join("; ")
  fillLedgers()
}
`
