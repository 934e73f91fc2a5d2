// A function on an OS-only runtime: writes one line a call and answers.
import * as Http from "node:http"

const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const request = Http.request(`${base}/${path}`, { method, agent: false }, (response) => {
      let text = ""
      response.on("data", (chunk) => text += chunk)
      response.once("end", () => resolve({ headers: response.headers, text }))
    })
    request.once("error", reject)
    request.end(body)
  })

for (;;) {
  const { headers, text } = await call("GET", "next")
  process.stdout.write(`call ${text}\n`)
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, "\"done\"")
}
