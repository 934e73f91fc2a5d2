/** The style of the picture and its legend. */
export const pictureStyle = String.raw`
#picture { border: 1px solid var(--line); border-radius: 10px; background: var(--raised); overflow: hidden; touch-action: pan-y; cursor: grab; min-height: 120px }
#picture:active { cursor: grabbing }
svg { display: block; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; user-select: none; -webkit-user-select: none }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums }
svg .lane-label { font-weight: 600 }
svg .tick, svg .folded, svg .count { fill: var(--quiet); font-size: 11.5px }
.grid { stroke: var(--line) } .lane-line { stroke: var(--line) } .bracket { stroke: var(--quiet); fill: none } .paper { fill: var(--raised) }
.fold { fill: var(--soft) } .tear { stroke: var(--quiet); fill: none; stroke-width: 1 }
.frozen-ground { fill: var(--quiet); opacity: .09 }
.hatch { stroke: var(--quiet); stroke-width: 1; opacity: .75 } .hatch-bad { stroke: var(--bad); stroke-width: 1.4 } .hatch-flush { stroke: var(--flush-edge); stroke-width: 1.2; opacity: .55 } .hatch-waits { stroke: var(--works-edge); stroke-width: 1; opacity: .5 }
.mark { cursor: pointer } .mark .fill { stroke-width: 1 }
.plate { fill: var(--raised); opacity: .86 }
.k-init .fill, .k-restore .fill { fill: var(--init); stroke: var(--init-edge) } .k-invoke .fill { fill: var(--invoke); stroke: var(--invoke-edge) }
.k-shutdown .fill { fill: var(--shutdown); stroke: var(--shutdown-edge) } .k-frozen .fill { fill: var(--soft); stroke: var(--quiet); stroke-dasharray: 3 2 }
.k-runs .fill { fill: var(--runs); stroke: var(--runs-edge) } .k-works .fill, .k-waits .fill { fill: var(--works); stroke: var(--works-edge) }
.k-flush .fill { fill: var(--flush); stroke: var(--flush-edge) } .k-request .fill { fill: var(--request); stroke: var(--request-edge) }
.k-post .fill { fill: var(--post) } .k-call .fill { fill: var(--raised); stroke: var(--line-mark); stroke-width: 1.3 }
.k-line .fill { fill: var(--line-mark) } .k-error-line .fill { fill: var(--bad) }
.mark.t-bad rect.fill { stroke: var(--bad); stroke-width: 1.6 } .cross { stroke: var(--bad); stroke-width: 2; fill: none }
.mark:hover .fill, .mark.selected .fill { stroke: var(--accent); stroke-width: 2.4 }
.mark.dimmed { opacity: .2 } .mark.dimmed:hover { opacity: .7 }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0; margin: 10px 0 0; font-size: .84rem; color: var(--quiet) }
.legend li { display: inline-flex; align-items: center; gap: 7px } .legend svg { flex: none; pointer-events: none }
#selected { margin-top: 14px; border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: 6px; padding: 10px 16px; background: var(--raised) }
#selected:empty { display: none }
#selected dd { max-height: 12em; overflow: auto }
#keys { margin-top: 12px; font-size: .84rem; max-width: none }
#range { font-size: .84rem; color: var(--quiet); margin: 8px 0 0; font-variant-numeric: tabular-nums }
kbd { font: inherit; border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; background: var(--soft); color: var(--ink) }
@media (forced-colors: active) { .fill { stroke: CanvasText !important } svg text { fill: CanvasText } }
`
