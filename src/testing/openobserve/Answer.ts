/** One HTTP answer, before it is written to a socket. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An answer that carries JSON. */
export const json = (status: number, body: unknown): Answer => jsonText(status, JSON.stringify(body))

/** An answer that carries JSON which is already text. */
export const jsonText = (status: number, body: string): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body
})

/** A plain-text answer. */
export const text = (status: number, body: string): Answer => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body
})

/** An answer without a body and without a content type. */
export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers,
  body: ""
})

/** The server's error envelope: `code` repeats the status. */
export const failure = (status: number, message: string): Answer => json(status, { code: status, message })
