/** The request to register, answers to it as they may come over the wire, and what is to be made of each. */
import type { RawRequest, Step } from "./rawApi.ts"

/** What is sent, by whichever flavour. */
export const registration = (host: string | undefined): RawRequest => ({
  head: [
    "POST /2020-01-01/extension/register HTTP/1.1",
    `Host: ${host}`,
    "Connection: close",
    "Lambda-Extension-Name: o2-lambda-extension",
    "Lambda-Extension-Accept-Feature: accountId",
    "Content-Type: application/json",
    "Content-Length: 32"
  ].join("\r\n"),
  body: "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"
})

/** What is handed to the program. */
export interface HandedOver {
  readonly status: string
  readonly identifier: string
  readonly answer: string
}

const identified = "Lambda-Extension-Identifier: id-1\r\n"
const wide = "{\"errorMessage\":\"überzählig 😀\"}"

/** What the answer is, its steps, and what is handed over. */
export const registrationAnswers: ReadonlyArray<[what: string, answer: ReadonlyArray<Step>, expected: HandedOver]> = [
  [
    "header names in capitals",
    [`HTTP/1.1 200 OK\r\nLAMBDA-EXTENSION-IDENTIFIER: id-1\r\nCONTENT-LENGTH: 2\r\n\r\n{}`],
    { status: "200", identifier: "id-1", answer: "{}" }
  ],
  [
    "header names in small letters, without and with more white space",
    [`HTTP/1.1 200 OK\r\nlambda-extension-identifier:id-1 \r\ncontent-length: \t 2\r\n\r\n{}`],
    { status: "200", identifier: "id-1", answer: "{}" }
  ],
  [
    "a status without a reason",
    [`HTTP/1.1 200\r\n${identified}Content-Length: 2\r\n\r\n{}`],
    { status: "200", identifier: "id-1", answer: "{}" }
  ],
  [
    "a chunked body",
    [
      `HTTP/1.1 200 OK\r\n${identified}Transfer-Encoding: chunked\r\n\r\n`,
      `1\r\n{\r\nA;x=y\r\n"a":"12345`,
      20,
      `\r\n2\r\n"}\r\n0\r\n\r\n`
    ],
    { status: "200", identifier: "id-1", answer: "{\"a\":\"12345\"}" }
  ],
  [
    "a body without a length that ends with the connection",
    [`HTTP/1.1 200 OK\r\n${identified}\r\n{"a":`, 20, "1}", "end"],
    { status: "200", identifier: "id-1", answer: "{\"a\":1}" }
  ],
  [
    "a connection that stays open, and bytes that come slowly",
    [..."HTTP/1.1 200 OK\r\n"].flatMap((letter): Array<Step> => [letter, 5]).concat(
      [`${identified}Connection: keep-alive\r\nContent-Length: 7\r\n\r\n{"a"`, 50, ":1}"]
    ),
    { status: "200", identifier: "id-1", answer: "{\"a\":1}" }
  ],
  [
    "a length in bytes, not in characters",
    [`HTTP/1.1 403 Forbidden\r\nContent-Length: ${Buffer.byteLength(wide)}\r\n\r\n${wide}`],
    { status: "403", identifier: "", answer: wide }
  ],
  [
    "a refusal",
    ["HTTP/1.1 403 Forbidden\r\nContent-Length: 18\r\n\r\n{\"errorType\":\"No\"}"],
    { status: "403", identifier: "", answer: "{\"errorType\":\"No\"}" }
  ],
  [
    "a server's error without a body",
    ["HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"],
    { status: "500", identifier: "", answer: "" }
  ],
  ["a reset before the answer", ["reset"], { status: "none", identifier: "", answer: "" }],
  ["an end before the answer", ["end"], { status: "none", identifier: "", answer: "" }]
]
