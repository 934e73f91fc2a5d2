/**
 * As much of the URL standard as addresses of servers need: `http` and `https`. Others have a protocol and no more, since
 * nobody asks.
 */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

export class EngineUrl {
  readonly protocol: string
  readonly username: string = ""
  readonly password: string = ""
  readonly hostname: string = ""
  readonly port: string = ""
  readonly pathname: string
  /** As in the address, where a mark may stand alone. */
  private readonly query: string = ""
  private readonly fragment: string = ""

  constructor(text: string) {
    const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(cleaned(text)) ?? invalid(text)
    this.protocol = `${scheme!.toLowerCase()}:`
    if (DEFAULT_PORTS[this.protocol] === undefined) {
      this.pathname = rest
      return
    }
    const [, authority = "", path = "", search = "", hash = ""] =
      /^[/\\]*([^/\\?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/.exec(rest) ?? invalid(text)
    const at = authority.lastIndexOf("@")
    const [, host = "", port = ""] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority.slice(at + 1)) ?? invalid(text)
    if (Number(port) > 65535) invalid(text)
    if (at >= 0) {
      const [username = "", ...password] = authority.slice(0, at).split(":")
      this.username = encoded(username, /[\s"#<>?`{}/:;=@[\\\]^|]/g)
      this.password = encoded(password.join(":"), /[\s"#<>?`{}/:;=@[\\\]^|]/g)
    }
    this.hostname = hostOf(host) ?? invalid(text)
    this.port = port === "" || String(Number(port)) === DEFAULT_PORTS[this.protocol] ? "" : String(Number(port))
    this.pathname = encoded(withoutDots(path), /[\s"#<>?^`{}]/g)
    this.query = encoded(search, /[\s"#<>']/g)
    this.fragment = encoded(hash, /[\s"<>`]/g)
  }

  static canParse(text: string): boolean {
    try {
      return new EngineUrl(text).protocol !== ""
    } catch {
      return false
    }
  }

  get search(): string {
    return this.query === "?" ? "" : this.query
  }

  get hash(): string {
    return this.fragment === "#" ? "" : this.fragment
  }

  get host(): string {
    return this.port === "" ? this.hostname : `${this.hostname}:${this.port}`
  }

  get origin(): string {
    return this.hostname === "" ? "null" : `${this.protocol}//${this.host}`
  }

  get href(): string {
    if (this.hostname === "") return this.protocol + this.pathname
    const password = this.password === "" ? "" : `:${this.password}`
    const user = this.username === "" && password === "" ? "" : `${this.username}${password}@`
    return `${this.protocol}//${user}${this.host}${this.pathname}${this.query}${this.fragment}`
  }

  toString(): string {
    return this.href
  }

  toJSON(): string {
    return this.href
  }
}

const invalid = (text: string): never => {
  throw Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input: text })
}

/** Without what is never a part: blanks around, breaks within. */
const cleaned = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/^[\0- ]+|[\0- ]+$/g, "").replace(/[\t\n\r]/g, "")

const percent = (part: string): string => part === "'" ? "%27" : encodeURIComponent(part)

const encoded = (text: string, reserved: RegExp): string =>
  text.toWellFormed().replace(reserved, percent)
    // oxlint-disable-next-line no-control-regex
    .replace(/[\0-\x1f]|[\x7f-\u{10ffff}]+/gu, percent)

const hostOf = (text: string): string | undefined => {
  if (text.startsWith("[")) return /^\[[0-9a-f:.]*:[0-9a-f:.]*\]$/i.test(text) ? text.toLowerCase() : undefined
  let name: string
  try {
    name = decodeURIComponent(text).toLowerCase()
  } catch {
    return undefined
  }
  if (/[\x80-\u{10ffff}]/u.test(name)) name = host.asciiName(name.toWellFormed())
  // oxlint-disable-next-line no-control-regex
  if (name === "" || /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f-\u{10ffff}]/u.test(name)) return undefined
  const labels = name.replace(/\.$/, "").split(".")
  return /^(\d+|0x[\da-f]*)$/.test(labels.at(-1)!) ? ipv4(labels) : name
}

/** One to four numbers, the last of which stands for all bytes that are left. */
const ipv4 = (labels: ReadonlyArray<string>): string | undefined => {
  const numbers = labels.map((label) => Number(label === "0x" ? 0 : /^0\d/.test(label) ? `0o${label.slice(1)}` : label))
  const last = numbers.pop()!
  const isNumeric = labels.every((label) => /^(\d+|0x[\da-f]*)$/.test(label)) && !numbers.some(Number.isNaN)
  if (!isNumeric || Number.isNaN(last) || numbers.length > 3 || numbers.some((number) => number > 255)) return undefined
  if (last >= 256 ** (4 - numbers.length)) return undefined
  const rest = Array.from({ length: 4 - numbers.length }, (_, index) => Math.floor(last / 256 ** index) % 256)
  return [...numbers, ...rest.toReversed()].join(".")
}

const withoutDots = (path: string): string => {
  const kept: Array<string> = []
  const segments = path.replaceAll("\\", "/").split("/").slice(1)
  for (const [index, segment] of segments.entries()) {
    const plain = segment.replace(/%2e/gi, ".")
    if (plain === "..") kept.pop()
    if (plain !== "." && plain !== "..") kept.push(segment)
    else if (index === segments.length - 1) kept.push("")
  }
  return `/${kept.join("/")}`
}
