/** A JSON array of records as a batch's body. Pure. */
import type { BatchFormat } from "../delivery/BatchFormat.ts"
import { ObjectScanner } from "../json/ObjectScanner.ts"

/** `[record,record]`. */
export const jsonArray: BatchFormat = {
  open: Buffer.from("["),
  separator: Buffer.from(","),
  close: Buffer.from("]"),
  endOf: (body, records) => {
    const objects = new ObjectScanner(body)
    for (let index = 0; index < records; index++) objects.next()
    return objects.end
  }
}
