/** The page's program: the filter by request id, which the address keeps. */
export const filter = String.raw`
const HASH = "#request="
const MAX_OPTIONS = 1000

const tellCounts = () => {
  const entries = shownEntries().length
  const records = shownRecords().length
  const counts = plural(entries, "entry", "entries") + " and " + plural(records, "record")
  const wanted = byId("request").value.trim()
  byId("count").textContent = state.calls === undefined
    ? counts
    : state.calls.size === 0
    ? "No call has an id with “" + wanted + "” in it"
    : counts + " of " + (state.calls.size === 1 ? "call #" + ([...state.calls][0] + 1) : plural(state.calls.size, "call"))
}

const fillAll = () => {
  fillCalls()
  fillEntries()
  fillRecords()
  tellCounts()
}

const keep = (wanted) => {
  const hash = wanted === "" ? "" : HASH + encodeURIComponent(wanted)
  if (location.hash === hash) return
  try {
    history.replaceState(null, "", hash === "" ? location.pathname + location.search : hash)
  } catch {
    location.hash = hash
  }
}

/** Shows what belongs to the calls whose id has this in it; everything for an empty text. */
const filterBy = (text) => {
  const wanted = text.trim().toLowerCase()
  const input = byId("request")
  if (input.value !== text) input.value = text
  state.calls = wanted === "" ? undefined
    : new Set(data.calls.flatMap(({ id }, index) => id.toLowerCase().includes(wanted) ? [index] : []))
  state.pages = {}
  byId("clear").disabled = wanted === ""
  byId("zoom-call").disabled = state.calls === undefined || state.calls.size === 0
  const hadFocus = document.activeElement !== null && document.activeElement.classList.contains("id") ? document.activeElement.textContent : undefined
  fillAll()
  if (hadFocus !== undefined) {
    const same = [...document.querySelectorAll("#calls-rows button.id")].find((button) => button.textContent === hadFocus)
    if (same !== undefined) same.focus()
  }
  keep(text.trim())
  draw()
}

const stepCall = (by) => {
  if (data.calls.length === 0) return
  const current = state.calls === undefined || state.calls.size !== 1 ? (by > 0 ? -1 : data.calls.length) : [...state.calls][0]
  const next = Math.min(data.calls.length - 1, Math.max(0, current + by))
  filterBy(data.calls[next].id)
  const call = data.calls[next]
  if (unitsOf(call.from) < state.from || unitsOf(untilOf(call)) > state.until) zoomToCalls()
}

const fromHash = () => {
  if (!location.hash.startsWith(HASH)) return ""
  try {
    return decodeURIComponent(location.hash.slice(HASH.length))
  } catch {
    return ""
  }
}

const startFilter = () => {
  const ids = data.calls.map(({ id }) => id).filter((id) => id !== "")
  byId("request-ids").append(...ids.slice(0, MAX_OPTIONS).map((id) => element("option", { value: id })))
  byId("request").addEventListener("input", (event) => filterBy(event.target.value))
  byId("filter").addEventListener("submit", (event) => event.preventDefault())
  byId("request").addEventListener("keydown", (event) => {
    if (event.key === "Escape") filterBy("")
  })
  byId("clear").addEventListener("click", () => {
    filterBy("")
    byId("request").focus()
  })
  addEventListener("hashchange", () => filterBy(fromHash()))
}

layAxis()
state.until = axis.units
startTables()
startControls()
startFilter()
filterBy(fromHash())
`
