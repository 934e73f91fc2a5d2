/**
 * The little SQL a test needs to read back:
 * `select *|columns|count(*) [as c]|sum(column) [as s] from "s" [where a = 'x' and …] [order by c [asc|desc]] [limit n]`.
 */
import * as Result from "effect/Result"

/** A parsed query. */
export interface Query {
  readonly stream: string
  /** `"*"`, the names of columns, or the alias of `count(*)` or of `sum(column)`. */
  readonly select: "*" | ReadonlyArray<string> | { readonly count: string } | {
    readonly sum: string
    readonly alias: string
  }
  readonly where: ReadonlyArray<Condition>
  readonly order: { readonly column: string; readonly isDescending: boolean }
  readonly limit: number | undefined
}

/** A comparison of a column with a literal. */
export interface Condition {
  readonly column: string
  readonly operator: string
  readonly value: string | number
}

/** Parses a query, or says near which word it stops being one. */
export const parseSql = (sql: string): Result.Result<Query, string> => {
  const tokens = tokenize(sql)
  if (tokens === undefined) return Result.fail("sql parser error: Unexpected character")
  const parser = new Parser(tokens)
  return Result.try({
    try: () => parser.query(),
    catch: (error) => {
      if (error instanceof UnexpectedToken) return `sql parser error: ${error.message}`
      throw error
    }
  })
}

type Kind = "name" | "quoted" | "text" | "number" | "symbol"

interface Token {
  readonly kind: Kind
  readonly text: string
}

class UnexpectedToken extends Error {}

const TOKEN =
  /\s*(?:"(?<quoted>(?:[^"]|"")*)"|'(?<text>(?:[^']|'')*)'|(?<name>[A-Za-z_]\w*)|(?<number>-?\d+(?:\.\d+)?)|(?<symbol><>|!=|<=|>=|[=<>(),*]))/y

const KINDS: ReadonlyArray<Kind> = ["quoted", "text", "name", "number", "symbol"]

const tokenize = (sql: string): ReadonlyArray<Token> | undefined => {
  const source = sql.replace(/[\s;]+$/, "")
  const tokens: Array<Token> = []
  for (let end = 0; end < source.length; end = TOKEN.lastIndex) {
    TOKEN.lastIndex = end
    const groups = TOKEN.exec(source)?.groups
    const kind = KINDS.find((kind) => groups?.[kind] !== undefined)
    const text = kind && groups?.[kind]
    if (kind === undefined || text === undefined) return undefined
    tokens.push({ kind, text: kind === "quoted" ? text.replaceAll("\"\"", "\"") : text.replaceAll("''", "'") })
  }
  return tokens
}

class Parser {
  private readonly tokens: ReadonlyArray<Token>
  private index = 0

  constructor(tokens: ReadonlyArray<Token>) {
    this.tokens = tokens
  }

  query(): Query {
    this.expect("select")
    const select = this.selection()
    this.expect("from")
    const stream = this.name()
    const where: Array<Condition> = []
    if (this.accept("where")) {
      do where.push(this.condition())
      while (this.accept("and"))
    }
    const order = this.accept("order") ? this.order() : { column: "_timestamp", isDescending: true }
    const limit = this.accept("limit") ? Number(this.take("number").text) : undefined
    if (this.index < this.tokens.length) throw this.unexpected("end of statement")
    return { stream, select, where, order, limit }
  }

  private selection(): Query["select"] {
    if (this.accept("*")) return "*"
    if (this.peek()?.text.toLowerCase() === "count" && this.tokens[this.index + 1]?.text === "(") {
      for (const word of ["count", "(", "*", ")"]) this.expect(word)
      return { count: this.accept("as") ? this.name() : "count(*)" }
    }
    if (this.peek()?.text.toLowerCase() === "sum" && this.tokens[this.index + 1]?.text === "(") {
      for (const word of ["sum", "("]) this.expect(word)
      const sum = this.name()
      this.expect(")")
      return { sum, alias: this.accept("as") ? this.name() : `sum(${sum})` }
    }
    const columns = [this.name()]
    while (this.accept(",")) columns.push(this.name())
    return columns
  }

  private condition(): Condition {
    const column = this.name()
    const operator = this.take("symbol").text
    if (!["=", "!=", "<>", "<", "<=", ">", ">="].includes(operator)) throw this.unexpected("a comparison")
    const value = this.peek()?.kind === "number" ? Number(this.take("number").text) : this.take("text").text
    return { column, operator, value }
  }

  private order(): Query["order"] {
    this.expect("by")
    const column = this.name()
    if (this.accept("desc")) return { column, isDescending: true }
    this.accept("asc")
    return { column, isDescending: false }
  }

  /** Unquoted names fold to lower case, as in the server's SQL. */
  private name(): string {
    const token = this.peek()
    if (token?.kind !== "name" && token?.kind !== "quoted") throw this.unexpected("an identifier")
    this.index++
    return token.kind === "name" ? token.text.toLowerCase() : token.text
  }

  private take(kind: Kind): Token {
    const token = this.peek()
    if (token?.kind !== kind) throw this.unexpected(`a ${kind}`)
    this.index++
    return token
  }

  private accept(word: string): boolean {
    const token = this.peek()
    if ((token?.kind !== "name" && token?.kind !== "symbol") || token.text.toLowerCase() !== word) return false
    this.index++
    return true
  }

  private expect(word: string): void {
    if (!this.accept(word)) throw this.unexpected(word.toUpperCase())
  }

  private peek(): Token | undefined {
    return this.tokens[this.index]
  }

  private unexpected(expected: string): UnexpectedToken {
    return new UnexpectedToken(`Expected: ${expected}, found: ${this.peek()?.text ?? "EOF"}`)
  }
}
