/** The page's style: light and dark, wide and narrow. */
import { pictureStyle } from "./pictureStyle.ts"

const base = String.raw`
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --raised: #ffffff; --ink: #1c2127; --quiet: #59636e; --line: #d9dcd8; --soft: #eff0ec;
  --accent: #0a5cad; --accent-soft: #e3eefa; --good: #12692f; --bad: #b3202a; --bad-soft: #fdecec;
  --init: #d9cdf5; --init-edge: #7650c9; --invoke: #c7dcf7; --invoke-edge: #2f6fbf; --shutdown: #d8dbe0; --shutdown-edge: #656e7a;
  --runs: #c9e8cd; --runs-edge: #2c8442; --works: #fae3bd; --works-edge: #b97a0c; --flush: #f3b55a; --flush-edge: #8f5800;
  --request: #bfe9e6; --request-edge: #13807a; --post: #b0338f; --line-mark: #3c4650;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --raised: #1b1f23; --ink: #e7eaec; --quiet: #a3adb7; --line: #343a40; --soft: #22272c;
    --accent: #7cb8f5; --accent-soft: #1a3048; --good: #74d18c; --bad: #ff8f8f; --bad-soft: #3b1d20;
    --init: #42336b; --init-edge: #a98bf0; --invoke: #1f4470; --invoke-edge: #6ea8ea; --shutdown: #3b4148; --shutdown-edge: #98a2ae;
    --runs: #1f4d2b; --runs-edge: #63c57b; --works: #56401a; --works-edge: #d9a441; --flush: #7f560f; --flush-edge: #f0b44c;
    --request: #17504d; --request-edge: #54c7bf; --post: #ee86d2; --line-mark: #c2cad1;
  }
}
* { box-sizing: border-box }
html { scroll-padding-top: 5rem }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere }
header, main, footer { max-width: 1440px; margin: 0 auto; padding: 0 28px }
header { padding-top: 28px }
h1 { font-size: 1.65rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 4px }
h2 { font-size: 1.08rem; margin: 0 0 10px; letter-spacing: -.005em }
h3 { font-size: .95rem; margin: 0 0 6px }
p { margin: 0 0 8px }
.quiet { color: var(--quiet) }
section { margin: 34px 0 }
section > .quiet { max-width: 80ch }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px }
.skip { position: absolute; left: -9999px }
.skip:focus { left: 12px; top: 12px; z-index: 9; background: var(--raised); padding: 8px 12px }
a { color: var(--accent) }

button, input, select { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--quiet); border-radius: 6px; padding: 4px 10px; min-height: 34px }
button { cursor: pointer }
button:hover:not(:disabled) { background: var(--accent-soft); border-color: var(--accent) }
button:disabled { color: var(--quiet); border-color: var(--line); background: transparent; cursor: default }
label { display: inline-flex; align-items: center; gap: 8px }
input[type=checkbox] { min-height: 0; width: 17px; height: 17px; margin: 0; accent-color: var(--accent) }

#filter { position: sticky; top: 0; z-index: 5; background: color-mix(in srgb, var(--paper) 94%, transparent); border-bottom: 1px solid var(--line); padding: 10px max(28px, calc((100% - 1440px) / 2 + 28px)); display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-top: 18px }
#filter input { width: 25.5em; max-width: 100%; font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; font-size: .87rem }
#count { margin: 0 0 0 auto; font-variant-numeric: tabular-nums }

.glance { display: flex; flex-wrap: wrap; gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; margin: 0 }
.glance div { flex: 1 1 150px; background: var(--raised); padding: 12px 16px }
.glance dt { color: var(--quiet); font-size: .84rem }
.glance dd { margin: 0; font-size: 1.4rem; line-height: 1.3; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums }
.glance dd small { display: block; font-size: .8rem; line-height: 1.4; font-weight: 400; color: var(--quiet); letter-spacing: 0 }
.good { color: var(--good) } .bad { color: var(--bad) }

.scroller { overflow: auto; max-height: min(70vh, 640px); border: 1px solid var(--line); border-radius: 10px; background: var(--raised) }
table { border-collapse: collapse; width: 100%; font-size: .87rem; font-variant-numeric: tabular-nums }
caption { text-align: left; padding: 8px 14px; color: var(--quiet) }
caption strong { margin-left: 12px }
th, td { text-align: left; vertical-align: top; padding: 6px 14px; border-top: 1px solid var(--line); overflow-wrap: normal }
thead th { position: sticky; top: 0; z-index: 1; border-top: 0; box-shadow: 0 1px var(--line); background: var(--soft); color: var(--quiet); font-weight: 600; font-size: .8rem; white-space: nowrap }
tbody th { font-weight: 400; white-space: nowrap; color: var(--quiet) }
td:nth-child(2), td:nth-child(3) { white-space: nowrap } td .text { white-space: pre-wrap }
tr.bad { background: var(--bad-soft) } tr.bad td { color: var(--ink) }
tbody tr:hover { background: var(--soft) } tbody tr.bad:hover { background: var(--bad-soft) }
.text { white-space: pre-wrap; tab-size: 4; overflow-wrap: anywhere; display: inline-block; min-width: 20em; max-width: 90ch; vertical-align: top }
.verbatim { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; font-size: .82rem }
.what { display: flex } .tone { flex: 0 0 1.3em }
button.id { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; font-size: .82rem; border-color: transparent; background: none; padding: 0 4px; min-height: 24px; margin: 0 -4px; color: var(--accent); text-decoration: underline; text-underline-offset: 2px }
button.id[aria-pressed=true] { background: var(--accent); color: var(--paper); text-decoration: none }
.pager { display: flex; align-items: center; gap: 12px; margin-top: 10px; font-size: .87rem }
.pager[hidden], label[hidden] { display: none }
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 0 0 10px }
.bar h2 { margin: 0 auto 0 0 }
details summary { cursor: pointer; color: var(--accent) } td summary { white-space: nowrap }
#common { margin-bottom: 12px }
dl.pairs, #selected dl, td dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 14px; margin: 6px 0 0; font-size: .84rem }
dl.pairs dt, #selected dt, td dt { color: var(--quiet) }
dl.pairs dd, #selected dd, td dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace }
td dl { min-width: 26em; max-width: 70ch }
#ledgers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 16px }
#ledgers table { border: 1px solid var(--line); border-radius: 10px; border-collapse: separate; border-spacing: 0; background: var(--raised) }
#ledgers th, #ledgers td { white-space: normal; overflow-wrap: anywhere } #ledgers td { text-align: right; font-weight: 600 } #ledgers tr:hover { background: none }
footer { color: var(--quiet); font-size: .84rem; padding-bottom: 40px }
@media (max-width: 700px) {
  header, main, footer { padding-left: 16px; padding-right: 16px }
  #filter { padding: 8px 16px } #filter input { flex: 1 1 100%; width: 100% } #filter label { flex: 1 1 100%; flex-wrap: wrap } #count { margin-left: 0 }
  .glance div { padding: 10px 12px } .glance dd { font-size: 1.15rem }
  th, td { padding: 6px 10px }
  dl.pairs, #selected dl { grid-template-columns: minmax(0, 1fr) } dl.pairs dd, #selected dd { margin-bottom: 6px }
}
@media (prefers-reduced-motion: no-preference) { .mark, button { transition: opacity .12s, background-color .12s } }
@media print { #filter, .tools, .pager { display: none } }
`

/** What the browser draws by. */
export const style = base + pictureStyle
