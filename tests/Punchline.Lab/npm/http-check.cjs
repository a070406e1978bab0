// http-check.cjs URL SHA256 REQUESTS CONNECTIONS: fetches a page so many times over so many connections at once and
// compares every body. Prints one JSON object: how many were right, altered, failed.
const http = require('http')
const crypto = require('crypto')

const [url, expected, requests, connections] = process.argv.slice(2)
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) })
const result = { event: 'checked', right: 0, altered: 0, failed: 0, errors: [] }

const fetchOnce = () => new Promise(resolve => {
  const fail = error => {
    result.failed++
    if (result.errors.length < 5) result.errors.push(error.message)
    resolve()
  }
  http.get(url, { agent }, response => {
    const hash = crypto.createHash('sha256')
    response.on('data', chunk => hash.update(chunk)).on('error', fail).on('end', () => {
      if (response.statusCode === 200 && hash.digest('hex') === expected) result.right++
      else result.altered++
      resolve()
    })
  }).on('error', fail)
})

let left = Number(requests)
const worker = async () => { while (left-- > 0) await fetchOnce() }
Promise.all(Array.from({ length: Number(connections) }, worker)).then(() => {
  console.log(JSON.stringify(result))
  agent.destroy()
})
