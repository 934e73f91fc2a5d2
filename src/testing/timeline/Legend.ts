/** What the signs of the picture mean, drawn with the same classes. */
import { html } from "./Text.ts"

const bar = (kind: string, more = ""): string =>
  `<g class="mark k-${kind}"><rect class="fill" x="1" y="2" width="24" height="12" rx="3"/>${more}</g>`

const sign = (kind: string, d: string): string => `<g class="mark k-${kind}"><path class="fill" d="${d}"/></g>`

const lines = (className: string, d: string): string => `<path class="${className}" d="${d}"/>`

const SIGNS: ReadonlyArray<readonly [picture: string, meaning: string]> = [
  [bar("init"), "init or restore"],
  [bar("invoke"), "invoke"],
  [bar("shutdown"), "shutdown"],
  [bar("frozen", lines("hatch", "M3 14L13 2M11 14L21 2M19 14L25 7")), "frozen"],
  [bar("runs"), "the function runs"],
  [bar("works"), "the extension beside it"],
  [bar("waits", lines("hatch-waits", "M1 8H25")), "it takes the telemetry that is left"],
  [bar("flush", lines("hatch-flush", "M5 2V14M11 2V14M17 2V14M23 2V14")), "it delivers: the flush"],
  [bar("request"), "request to OpenObserve, until its answer"],
  [sign("post", "M13 2l6 6l-6 6l-6-6z"), "post of telemetry"],
  [sign("call", "M8 14h10l-5-9z"), "call to one of Lambda’s APIs"],
  [sign("line", "M12 1h2v14h-2z"), "line on stdout"],
  [sign("error-line", "M12 1h2v8h-2zM10.500 11h5v5h-5z"), "line on stderr"],
  [
    `<g class="mark t-bad k-shutdown"><rect class="fill" x="1" y="2" width="24" height="12" rx="3"/>${
      lines("hatch-bad", "M3 2L14 14M11 2L22 14")
    }</g>`,
    "✘ went wrong"
  ]
]

/** A list of signs. */
export const legend: string = `<ul class="legend" aria-label="Legend">${
  SIGNS.map(([picture, meaning]) =>
    `<li><svg width="26" height="16" viewBox="0 0 26 16" aria-hidden="true">${picture}</svg>${html(meaning)}</li>`
  ).join("")
}</ul>`
