/** What the sample function is called with. Every line begins with a number of its own, so that each can be recognised. */

/** One call of the function. */
export interface Call {
  /** What it is, in a few words. */
  readonly title: string
  readonly payload: unknown
  /** The texts that must arrive, each once. */
  readonly lines: ReadonlyArray<string>
}

interface Line {
  readonly via: "log" | "warn" | "error" | "stdout"
  readonly text: string
  readonly waitMs?: number
}

interface Scene {
  readonly title: string
  readonly lines: ReadonlyArray<Line>
  readonly failsWith?: string
}

/** The next line's number, such as `#07`. */
type Next = () => string

/** Long enough to see the extension add nothing to it, short enough to wait for. */
const SLOW_MS = 1000

/** Longer than a terminal is wide, as traces and queries are. */
const LONG_LINE_CHARACTERS = 4000

const slow = (next: Next): Scene => ({
  title: "a slow call, one second",
  lines: [
    { via: "log", text: `${next()} asking the warehouse` },
    { via: "log", text: `${next()} the warehouse answered`, waitMs: SLOW_MS }
  ]
})

const scenes: ReadonlyArray<(next: Next) => Scene> = [
  (next) => ({
    title: "two ordinary lines",
    lines: [
      { via: "log", text: `${next()} Hello from a Lambda function` },
      { via: "log", text: `${next()} looking up customer 4711` }
    ]
  }),
  (next) => ({
    title: "a line of JSON",
    lines: [
      { via: "stdout", text: `{"line":"${next()}","event":"order.created","total":59.90,"items":["mug","tea"]}` }
    ]
  }),
  (next) => ({
    title: "one text of several lines",
    lines: [{ via: "log", text: `${next()} SELECT name, price\n  FROM items\n WHERE price > 10` }]
  }),
  (next) => ({
    title: "emoji and other alphabets",
    lines: [{ via: "log", text: `${next()} Zahlung bestätigt ✅ 支払い完了 🎉 Η πληρωμή έγινε 👩‍💻` }]
  }),
  (next) => ({
    title: "six lines at the same moment",
    lines: Array.from({ length: 6 }, (_, index) => ({
      via: "stdout",
      text: `${next()} step ${index + 1} of 6`
    }))
  }),
  slow,
  (next) => ({
    title: "a call that fails",
    lines: [{ via: "error", text: `${next()} no such order: A-1002` }],
    failsWith: `${next()} this error is thrown on purpose`
  }),
  (next) => ({
    title: "a warning",
    lines: [{ via: "warn", text: `${next()} only 3 mugs left` }]
  }),
  (next) => ({
    title: "quotes, tabs, half a JSON",
    lines: [
      { via: "stdout", text: `${next()} "},{"time":"2001-01-01T00:00:00.000Z","type":"function"` },
      { via: "stdout", text: `${next()} C:\\temp\\new\t'it''s'\t\\u0000` }
    ]
  }),
  (next) => ({
    title: "one long line, 4 KB",
    lines: [{ via: "log", text: `${next()} `.padEnd(LONG_LINE_CHARACTERS, "trace ") }]
  }),
  () => ({ title: "a call that says nothing", lines: [] }),
  (next) => ({
    title: "one more ordinary line",
    lines: [{ via: "log", text: `${next()} done for today` }]
  })
]

/** The calls of the sample function; after the last scene the story begins anew, without the slow call. */
export const own = (invocations: number): ReadonlyArray<Call> => {
  const width = String(tell(invocations, 1).at(-1)?.lastNumber ?? 1).length
  return tell(invocations, width).map(({ call }) => call)
}

/** The calls of somebody's function, of which nothing is known. */
export const foreign = (invocations: number): ReadonlyArray<Call> =>
  Array.from({ length: invocations }, (_, index) => {
    const payload = { call: index + 1 }
    return { title: `event ${JSON.stringify(payload)}`, payload, lines: [] }
  })

const tell = (invocations: number, width: number) => {
  let lastNumber = 0
  const next = () => `#${String(++lastNumber).padStart(width, "0")}`
  return Array.from({ length: invocations }, (_, index) => {
    const scene = scenes.filter((scene) => index < scenes.length || scene !== slow)
    const { failsWith, lines, title } = pick(scene, index)(next)
    const texts = [...lines.map(({ text }) => text), ...(failsWith === undefined ? [] : [failsWith])]
    const call: Call = { title, payload: { lines, failsWith }, lines: texts }
    return { call, lastNumber }
  })
}

const pick = <A>(items: ReadonlyArray<A>, index: number): A => items[index % items.length]!
