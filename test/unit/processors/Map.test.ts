import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Processor from "../../../src/processors/Processor.ts"
import { processOne, recordText } from "../../support/processorFixtures.ts"

type Fields = Record<string, any>

interface Case {
  readonly name: string
  /** The record, written as it is. */
  readonly record: string
  /** Answers with nothing where it changes what it is given. */
  readonly change: (fields: Fields) => Fields | void
  readonly becomes: string
}

const cases: ReadonlyArray<Case> = [
  {
    name: "a number beside others that no JavaScript number holds",
    record: "{ \"id\" : 12345678901234567890, \"n\":1, \"big\":1e400,\"z\":-0,\"f\":5000.0 }",
    change: ({ record }) => void (record.n = 2),
    becomes: "{ \"id\" : 12345678901234567890, \"n\":2, \"big\":1e400,\"z\":-0,\"f\":5000.0 }"
  },
  {
    name: "a member deep inside of arrays",
    record: "[ [ { \"a\" : [ 1.0 , {\"b\":1.0,\"c\" : \"\\u0041\"} ] } ] ]",
    change: ({ record }) => void (record[0][0].a[1].b = "new"),
    becomes: "[ [ { \"a\" : [ 1.0 , {\"b\":\"new\",\"c\" : \"\\u0041\"} ] } ] ]"
  },
  {
    name: "elements behind others",
    record: "[ 1.0, 2.0 ]",
    change: ({ record }) => void record.push({ three: 3 }, undefined),
    becomes: "[ 1.0, 2.0,{\"three\":3},null ]"
  },
  {
    name: "an element before others",
    record: "[ 1.0, 2.0 ]",
    change: ({ record }) => void record.unshift(0),
    becomes: "[ 0,1.0, 2.0 ]"
  },
  {
    name: "an element less",
    record: "[1.0,2.0,3.0,4.0]",
    change: ({ record }) => void record.splice(1, 1),
    becomes: "[1.0,3.0,4.0]"
  },
  {
    name: "one element changed and another taken away",
    record: "[{\"a\":1.0,\"b\":1},2.0,3.0]",
    change: ({ record }) => {
      record[0].b = 2
      record.pop()
    },
    becomes: "[{\"a\":1.0,\"b\":2},2.0]"
  },
  {
    name: "no elements any more",
    record: "[ 1.0, 2.0 ]",
    change: ({ record }) => void (record.length = 0),
    becomes: "[ ]"
  },
  { name: "the first element", record: "[ ]", change: ({ record }) => void record.push(1), becomes: "[1 ]" },
  { name: "a member of none", record: "{ }", change: ({ record }) => void (record.a = 1), becomes: "{\"a\":1 }" },
  {
    name: "all members removed",
    record: "{ \"a\":1, \"b\":2 }",
    change: ({ record }) => {
      delete record.a
      record.b = undefined
    },
    becomes: "{ }"
  },
  {
    name: "all members replaced",
    record: "{ \"a\":1, \"b\":2 }",
    change: () => ({ record: { c: 3 } }),
    becomes: "{\"c\":3 }"
  },
  {
    name: "the first member removed",
    record: "{ \"a\":1, \"b\":2.0}",
    change: ({ record }) => void delete record.a,
    becomes: "{ \"b\":2.0}"
  },
  {
    name: "the last member removed, and another one added",
    record: "{\"a\":1.0, \"b\":2 }",
    change: ({ record }) => {
      delete record.b
      record.c = [1n].length
    },
    becomes: "{\"a\":1.0,\"c\":1 }"
  },
  {
    name: "members that stand twice when another one is changed",
    record: "{\"a\":{\"x\":1},\"a\":{\"y\":2},\"b\":1,\"a\":[{\"z\":1.0}]}",
    change: ({ record }) => void (record.b = 2),
    becomes: "{\"a\":{\"x\":1},\"a\":{\"y\":2},\"b\":2,\"a\":[{\"z\":1.0}]}"
  },
  {
    name: "a member that stands twice: nothing of it is left",
    record: "{\"a\":{\"x\":1},\"a\":{\"y\":2},\"b\":1}",
    change: ({ record }) => void (record.a.y = 3),
    becomes: "{\"a\":{\"y\":3},\"b\":1}"
  },
  {
    name: "a member that stands twice, removed",
    record: "{\"a\":1,\"b\":1.0,\"a\":2}",
    change: ({ record }) => void delete record.a,
    becomes: "{\"b\":1.0}"
  },
  {
    name: "a member whose key is escaped",
    record: "{\"\\u0061\":1,\"b\":1.0}",
    change: ({ record }) => void (record.a = 2),
    becomes: "{\"\\u0061\":2,\"b\":1.0}"
  },
  {
    name: "a member called __proto__",
    record: "{\"__proto__\":{\"a\":1,\"b\":1.0},\"c\":1.0}",
    change: ({ record }) => {
      Object.getOwnPropertyDescriptor(record, "__proto__")!.value.a = 2
    },
    becomes: "{\"__proto__\":{\"a\":2,\"b\":1.0},\"c\":1.0}"
  },
  {
    name: "a record with a member called toJSON",
    record: "{\"toJSON\":1.0,\"a\":1.0,\"b\":1}",
    change: ({ record }) => void (record.b = 2),
    becomes: "{\"toJSON\":1.0,\"a\":1.0,\"b\":2}"
  },
  {
    name: "what says itself how it is written",
    record: "{\"a\":1.0}",
    change: ({ record }) => {
      record.at = new Date(0)
      record.map = new Map([[1, 2]])
      record.own = { toJSON: () => ({ x: 1 }) }
      record.not = { toJSON: () => undefined }
      record.a = Infinity
    },
    becomes: "{\"a\":null,\"at\":\"1970-01-01T00:00:00.000Z\",\"map\":{},\"own\":{\"x\":1}}"
  },
  {
    name: "half a surrogate pair",
    record: "{\"a\":1.0}",
    change: ({ record }) => void (record.b = "\ud83d"),
    becomes: "{\"a\":1.0,\"b\":\"\\ufffd\"}"
  },
  {
    name: "an object of a class",
    record: "{\"a\":1.0,\"b\":1}",
    change: ({ record }) => {
      class Line {
        readonly a = record.a
        readonly b = 2
      }
      return { record: new Line() }
    },
    becomes: "{\"a\":1.0,\"b\":2}"
  },
  {
    name: "what was as large as that already",
    record: `${"{\"a\":".repeat(100)}1.0${"}".repeat(100)}`,
    change: (fields) => void (fields["requestId"] = "r1"),
    becomes: `${"{\"a\":".repeat(100)}1.0${"}".repeat(100)}`
  }
]

describe("Processor.map changes", () => {
  for (const { becomes, change, name, record } of cases) {
    it.effect(name, () =>
      Effect.sync(() => {
        const inPlace = Processor.map((fields) => {
          const answer = change(fields)
          return answer === undefined ? fields : { ...fields, ...answer }
        })
        const { failure, json } = processOne([inPlace], recordText(record))
        assert.isUndefined(failure)
        assert.strictEqual(json, recordText(becomes))
      }))
  }

  it.effect("keys that OpenObserve cannot store, and never the time", () =>
    Effect.sync(() => {
      const renaming = Processor.map((fields) => ({
        ...fields,
        _timestamp: 5,
        _id: 5,
        "": "empty",
        "@timestamp": "later"
      }))
      assert.strictEqual(
        processOne([renaming], "{\"_timestamp\":17,\"_id\":\"an id\",\"record\":1.0}").json,
        "{\"_timestamp\":17,\"record\":1.0,\"event_id\":5,\"event\":\"empty\",\"event_timestamp\":\"later\"}"
      )
      const all = "{\"_timestamp\":17,\"type\":\"x\"}"
      for (
        const nothing of [
          Processor.map(() => ({})),
          Processor.map(() => ({ _timestamp: undefined, "_TIMESTAMP": undefined }))
        ]
      ) {
        assert.strictEqual(processOne([nothing], all).json, "{\"_timestamp\":17}")
      }
      assert.strictEqual(
        processOne([Processor.map((fields) => ({ ...fields, _id: "text", "日id": ["array"] }))], all).json,
        "{\"_timestamp\":17,\"type\":\"x\",\"_id\":\"text\",\"日id\":[\"array\"]}"
      )
    }))

  it.effect("nothing of what others see", () =>
    Effect.sync(() => {
      let seen: unknown
      const processors = [
        Processor.filter(({ fields }) => {
          Object.assign(fields, { record: "changed by somebody who must not" })
          return true
        }),
        Processor.map((fields, { json }) => {
          seen = json
          return fields
        })
      ]
      assert.strictEqual(processOne(processors, recordText("1.0")).json, recordText("1.0"))
      assert.strictEqual(seen, recordText("1.0"))
    }))
})

const circular: Fields = {}
circular["self"] = circular

const nested = (depth: number): unknown => depth === 0 ? 1 : [nested(depth - 1)]

const nonsense: Readonly<Record<string, unknown>> = {
  "nothing": undefined,
  "null": null,
  "text": "text",
  "a number": 5,
  "an array": [{ a: 1 }],
  "a date": new Date(0),
  "a map": new Map([["a", 1]]),
  "a promise": Promise.resolve({ a: 1 }),
  "a function": () => ({}),
  "a symbol": Symbol("s"),
  "what says that it is text": { toJSON: () => "text" },
  "a bigint inside": { a: { b: [1n] } },
  "itself inside": { a: circular },
  "itself": circular,
  "what cannot be written": {
    a: {
      toJSON: () => {
        throw new Error("no")
      }
    }
  },
  "what is nested too deep": { a: nested(101) },
  "what is nested beyond all measure": { a: JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`) }
}

describe("a function given to Processor.map that answers", () => {
  for (const [name, answer] of Object.entries(nonsense)) {
    it.effect(`${name} has failed, and costs the record nothing`, () =>
      Effect.sync(() => {
        const before = recordText("{\"a\" : 1.0}")
        const { failures, json } = processOne([Processor.map(() => answer as Fields)], before)
        assert.strictEqual(json, before)
        assert.strictEqual(failures, 1)
      }))
  }

  it.effect("100 levels has not", () =>
    Effect.sync(() => {
      const { failures, json } = processOne([Processor.map(() => ({ a: nested(100) }))], "{\"_timestamp\":1}")
      assert.strictEqual(json, `{"_timestamp":1,"a":${"[".repeat(100)}1${"]".repeat(100)}}`)
      assert.strictEqual(failures, 0)
    }))

  it.effect("a record of 100 000 members is not waited for", () =>
    Effect.sync(() => {
      const members = Array.from({ length: 100_000 }, (_, index) => `"k${index}":${index}.0`)
      const { json } = processOne(
        [Processor.map(({ record }) => ({ record: { ...record as Fields, k99999: "new" } }))],
        `{"_timestamp":1,"record":{${members.join(",")}}}`
      )
      assert.strictEqual(json, `{"_timestamp":1,"record":{${members.slice(0, -1).join(",")},"k99999":"new"}}`)
    }))
})
