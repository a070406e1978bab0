// A QUIC peer over quiche (@matrixai/quic), for tests/Punchline.Interop.
//   quic-peer.mjs server '{"key": FILE, "cert": FILE, "protocol": ALPN, "idle": MS, "verify": BOOL}'
//   quic-peer.mjs client '{"port": PORT, …, "file": FILE, "bytes": N, "streams": N, "close": CODE}'
// The server sends each stream back. The client sends the file's first bytes on all its streams at once and prints what came back;
// then it closes with the code, or without one waits for the connection's end. One JSON object a line.
import { createHash, webcrypto } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { QUICClient, QUICServer, events } from '@matrixai/quic'
import Logger from '@matrixai/logger'

const [role, json] = process.argv.slice(2)
const options = JSON.parse(json)
const logger = new Logger('quic', 3)
const tell = (event, rest = {}) => console.log(JSON.stringify({ event, ...rest }))

const config = {
  applicationProtos: [options.protocol],
  maxIdleTimeout: options.idle,
  verifyPeer: options.verify === true,
  verifyCallback: options.verify ? async () => undefined : undefined,
  ...(options.key ? { key: readFileSync(options.key, 'utf8'), cert: readFileSync(options.cert, 'utf8') } : {})
}

function watch (connection) {
  connection.addEventListener(events.EventQUICConnectionClose.name, e => {
    const error = e.detail
    tell('closed', { kind: error?.constructor?.name, data: error?.data ?? {}, message: error?.message })
  })
}

async function echo (stream) {
  const reader = stream.readable.getReader()
  const writer = stream.writable.getWriter()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    await writer.write(value)
  }
  await writer.close()
  tell('echoed')
}

async function exchange (connection, payload) {
  const stream = connection.newStream()
  const writer = stream.writable.getWriter()
  const sending = (async () => {
    for (let at = 0; at < payload.length; at += 16384) await writer.write(payload.subarray(at, at + 16384))
    await writer.close()
  })()
  const hash = createHash('sha256')
  const reader = stream.readable.getReader()
  let bytes = 0
  while (bytes < payload.length) { // not to the end, which our side sends once it has heard of quiche's; EchoApplication.cs says why it may not
    const { done, value } = await reader.read()
    if (done) break
    hash.update(value)
    bytes += value.length
  }
  await sending
  return { bytes, sha256: hash.digest('hex') }
}

async function serve () {
  const raw = webcrypto.getRandomValues(new Uint8Array(32))
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const imported = key => webcrypto.subtle.importKey('raw', key, hmac, true, ['sign', 'verify'])
  const server = new QUICServer({
    crypto: {
      key: raw.buffer,
      ops: {
        sign: async (key, data) => webcrypto.subtle.sign('HMAC', await imported(key), data),
        verify: async (key, data, signature) => webcrypto.subtle.verify('HMAC', await imported(key), signature, data)
      }
    },
    config,
    logger
  })
  server.addEventListener(events.EventQUICServerConnection.name, e => {
    tell('connected', { certificates: e.detail.getRemoteCertsChain?.()?.length ?? 0 })
    watch(e.detail)
    e.detail.addEventListener(events.EventQUICConnectionStream.name, ev => echo(ev.detail).catch(error => tell('failed', { message: String(error) })))
  })
  await server.start({ host: '127.0.0.1', port: 0 })
  tell('listening', { port: server.port })
}

async function connect () {
  const client = await QUICClient.createQUICClient({
    host: '127.0.0.1',
    port: options.port,
    localHost: '127.0.0.1',
    crypto: { ops: { randomBytes: async data => { webcrypto.getRandomValues(new Uint8Array(data)) } } },
    config,
    logger
  })
  const connection = client.connection
  watch(connection)
  tell('connected')
  const payload = readFileSync(options.file).subarray(0, options.bytes)
  await Promise.all(Array.from({ length: options.streams }, async () => tell('stream', await exchange(connection, payload))))
  tell('done')
  if (options.close !== undefined) await connection.stop({ isApp: true, errorCode: options.close, reason: new TextEncoder().encode('enough'), force: true })
}

process.on('unhandledRejection', error => tell('failed', { message: String(error?.stack ?? error), cause: String(error?.cause ?? '') }))
await (role === 'server' ? serve() : connect())
