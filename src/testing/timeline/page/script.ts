/** The page's program as a whole. */
import { controls } from "./controls.ts"
import { dom } from "./dom.ts"
import { filter } from "./filter.ts"
import { marks } from "./marks.ts"
import { picture } from "./picture.ts"
import { scale } from "./scale.ts"
import { tables } from "./tables.ts"

/** What the browser runs. */
export const script = `"use strict";(() => {${[dom, scale, marks, picture, controls, tables, filter].join("")}})()`
