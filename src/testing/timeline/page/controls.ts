/** The page's program: buttons, keys, wheel and pointer of the picture. */
export const controls = String.raw`
const ZOOM = 0.6
const PAN = 0.25

/** Brings the calls that were asked for into view, or all of it. */
const zoomToCalls = () => {
  const found = data.calls.filter((_, index) => state.calls !== undefined && state.calls.has(index))
  if (found.length === 0) return show(0, axis.units)
  const from = unitsOf(Math.min(...found.map((call) => call.from)))
  const until = unitsOf(Math.max(...found.map((call) => untilOf(call))))
  const margin = Math.max((until - from) * 0.15, 1)
  show(from - margin, until + margin)
}

const commands = {
  "zoom-in": () => zoom(ZOOM),
  "zoom-out": () => zoom(1 / ZOOM),
  "pan-left": () => pan(-PAN),
  "pan-right": () => pan(PAN),
  "zoom-all": () => show(0, axis.units),
  "zoom-call": zoomToCalls,
  "previous-call": () => stepCall(-1),
  "next-call": () => stepCall(1)
}
const KEYS = {
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", "ArrowLeft": "pan-left", "ArrowRight": "pan-right",
  "0": "zoom-all", "z": "zoom-call", "p": "previous-call", "n": "next-call"
}

const select = (entry) => {
  state.selected = entry
  const rows = [
    ["what", entry.text],
    ["when", moment(entry.from) + " (" + clock(entry.from) + " UTC)"],
    ["how long", isMoment(entry) ? "a moment" : entry.until === undefined ? "goes on" : duration(entry.until - entry.from)],
    ["generation", String(entry.generation)],
    ...(entry.calls.length === 0 ? [] : [["calls", entry.calls.map((call) => "#" + (call + 1) + " " + data.calls[call].id).join("\n")]]),
    ...entry.details
  ]
  byId("selected").replaceChildren(
    element("h3", {}, data.lanes[entry.lane].label),
    element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value === "" ? "–" : value)]))
  )
}

const startControls = () => {
  const holder = byId("picture")
  for (const [id, command] of Object.entries(commands)) byId(id).addEventListener("click", command)
  holder.addEventListener("keydown", (event) => {
    const command = KEYS[event.key]
    if (command === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    commands[command]()
  })
  holder.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    zoom(event.deltaY > 0 ? 1.25 : 0.8, unitAt(event.clientX - holder.getBoundingClientRect().left))
  }, { passive: false })

  let drag
  holder.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return
    const mark = event.target.closest(".mark")
    drag = { x: event.clientX, from: state.from, until: state.until, entry: mark === null ? undefined : mark.entry, hasMoved: false }
  })
  holder.addEventListener("pointermove", (event) => {
    if (drag === undefined) return
    if (!drag.hasMoved && Math.abs(event.clientX - drag.x) < 4) return
    if (!drag.hasMoved) holder.setPointerCapture(event.pointerId)
    drag.hasMoved = true
    const by = (drag.x - event.clientX) / (view.width - view.left) * (drag.until - drag.from)
    show(drag.from + by, drag.until + by)
  })
  holder.addEventListener("pointerup", () => {
    const done = drag
    drag = undefined
    if (done === undefined || done.hasMoved || done.entry === undefined) return
    select(done.entry)
    if (done.entry.shape === "invoke" && done.entry.calls.length > 0) filterBy(data.calls[done.entry.calls[0]].id)
    else draw()
  })
  holder.addEventListener("pointercancel", () => { drag = undefined })

  const folds = byId("folds")
  const hasFolds = data.axis.some(([, , folded]) => folded === 1)
  folds.closest("label").hidden = !hasFolds
  folds.addEventListener("change", () => {
    const from = timeOf(state.from)
    const until = timeOf(state.until)
    const isAll = state.until - state.from >= axis.units - 1e-6
    state.folds = folds.checked
    layAxis()
    show(isAll ? 0 : unitsOf(from), isAll ? axis.units : unitsOf(until))
  })
  new ResizeObserver(() => { if (holder.clientWidth !== view.width) draw() }).observe(holder)
}
`
