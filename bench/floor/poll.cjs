// The least that an extension must do after the launcher has registered: listen, subscribe, poll.
const http = require("node:http")

const api = process.env.AWS_LAMBDA_RUNTIME_API
const headers = { "lambda-extension-identifier": process.env._O2LAMBDA_IDENTIFIER }
const agent = new http.Agent({ keepAlive: true })

const send = (method, path, body, done) => {
  const request = http.request(
    `http://${api}${path}`,
    { method, agent, headers: { ...headers, "content-length": body.length } },
    (response) => {
      response.resume()
      response.on("end", done)
    }
  )
  request.end(body)
}

const server = http.createServer((request, response) => {
  request.resume()
  request.on("end", () => response.end())
})

server.listen(0, "0.0.0.0", () => {
  const destination = { protocol: "HTTP", URI: `http://sandbox.localdomain:${server.address().port}/` }
  const body = JSON.stringify({ schemaVersion: "2025-01-29", types: ["platform"], destination })
  send("PUT", "/2022-07-01/telemetry", body, () => send("GET", "/2020-01-01/extension/event/next", "", () => {}))
})
