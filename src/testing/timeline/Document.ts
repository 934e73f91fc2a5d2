/** The page around the data. */
import { createHash } from "node:crypto"
import { glance, summary } from "./Glance.ts"
import { legend } from "./Legend.ts"
import type { PageData } from "./PageData.ts"
import { script } from "./page/script.ts"
import { style } from "./page/style.ts"
import { html, scriptJson } from "./Text.ts"

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** This script and this style, and nothing from anywhere. */
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  "base-uri 'none'",
  "form-action 'none'"
].join("; ")

const button = (id: string, label: string, text = label): string =>
  `<button type="button" id="${id}"${text === label ? "" : ` aria-label="${label}"`}>${text}</button>`

const tools = `<div class="bar tools" role="group" aria-label="Zoom and move">
${button("pan-left", "Earlier", "←")}
${button("zoom-out", "Zoom out", "−")}
${button("zoom-in", "Zoom in", "+")}
${button("pan-right", "Later", "→")}
${button("zoom-all", "Show all")}
${button("zoom-call", "Zoom to filter")}
${button("previous-call", "Previous call", "‹ Call")}
${button("next-call", "Next call", "Call ›")}
<label><input type="checkbox" id="folds" checked> Fold long pauses</label>
</div>`

const head = (names: ReadonlyArray<string>): string =>
  `<thead><tr>${names.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>`

/** A table that the program fills, in a region that scrolls on narrow screens. */
const table = (name: string, label: string, columns: ReadonlyArray<string>): string =>
  `<div class="scroller" role="region" aria-label="Table: ${label}" tabindex="0">
<table>${head(columns)}<tbody id="${name}-rows"></tbody></table></div>
<nav class="pager" id="${name}-pager" aria-label="Pages: ${label}" hidden></nav>`

const figures = (data: PageData): string =>
  glance(data).map(({ name, remark, value }) =>
    `<div><dt>${html(name)}</dt><dd>${html(value)}<small>${html(remark)}</small></dd></div>`
  ).join("")

/** The whole page. */
export const pageDocument = (data: PageData): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${html(data.title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the run</a>
<header>
<h1>${html(data.title)}</h1>
<p class="quiet">As Lambda saw it, from ${
    html(new Date(data.began).toISOString().replace("T", " ").slice(0, 23))
  } UTC</p>
<noscript><p><strong>This page draws itself: it needs JavaScript, and nothing else.</strong></p></noscript>
</header>
<form id="filter" role="search" aria-label="Filter by request id">
<label>Request id <input id="request" type="text" list="request-ids" placeholder="all calls" autocomplete="off" spellcheck="false"></label>
<datalist id="request-ids"></datalist>
${button("clear", "Clear")}
<p id="count" role="status"></p>
</form>
<main id="main" tabindex="-1">
<section aria-labelledby="glance-heading">
<h2 id="glance-heading">At a glance</h2>
<dl class="glance">${figures(data)}</dl>
</section>
<section aria-labelledby="picture-heading">
<div class="bar"><h2 id="picture-heading">Timeline</h2>${tools}</div>
<p id="picture-summary" hidden>${html(summary(data))}</p>
<div id="picture" role="group" tabindex="0" aria-label="Timeline, to zoom and move by keys" aria-describedby="keys"></div>
<p id="range" role="status"></p>
${legend}
<p class="quiet" id="keys">Keys on the picture: <kbd>+</kbd> <kbd>−</kbd> zoom, <kbd>←</kbd> <kbd>→</kbd> move, <kbd>0</kbd> all, <kbd>n</kbd> <kbd>p</kbd> next and previous call, <kbd>z</kbd> zoom to the filter. Drag to move, Ctrl and wheel to zoom, click a mark for its details, a call to filter by it.</p>
<div id="selected" role="region" aria-label="Selected entry" aria-live="polite"></div>
</section>
<section aria-labelledby="calls-heading">
<h2 id="calls-heading">Calls</h2>
${
    table("calls", "Calls", [
      "Call",
      "Request id",
      "Generation",
      "Began",
      "Took",
      "In the function",
      "Extension, after it",
      "Outcome"
    ])
  }
</section>
<section aria-labelledby="entries-heading">
<div class="bar"><h2 id="entries-heading">Everything that happened</h2>
<label>Show <select id="lane"><option value="">everything</option></select></label></div>
<p class="quiet">The picture in words. What names a call belongs to it, the rest to the call that was running.</p>
<p id="omitted" hidden></p>
${table("entries", "Everything that happened", ["When", "Took", "Where", "What", "Calls", "Generation", "More"])}
</section>
<section aria-labelledby="records-heading">
<h2 id="records-heading">Records that OpenObserve has stored</h2>
<details id="common"><summary>Columns with the same value in all that have them</summary><dl class="pairs" id="common-columns"></dl></details>
${table("records", "Stored records", ["Timestamp", "Type", "Record", "Calls", "Columns"])}
</section>
<section aria-labelledby="ledger-heading">
<h2 id="ledger-heading">Ledger</h2>
<p class="quiet">What the extension says it took, and what became of it, in records.</p>
<div id="ledgers"></div>
</section>
</main>
<footer><p>One file, which asks no network for anything. Credentials are masked, long texts cut.</p></footer>
<script type="application/json" id="run">${scriptJson(data)}</script>
<script>${script}</script>
</body>
</html>
`
