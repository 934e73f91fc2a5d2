/** Why the demo cannot go on. */
import * as Schema from "effect/Schema"

/** The demo cannot go on; the sentence is for the person who started it. */
export class DemoError extends Schema.TaggedError<DemoError>()("DemoError", { problem: Schema.String }) {
  override get message() {
    return this.problem
  }
}
