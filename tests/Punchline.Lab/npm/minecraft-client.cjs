// minecraft-client.cjs HOST PORT NAME: joins a server offline and says each line of standard input.
// One JSON object a line says what happens.
const mc = require('minecraft-protocol')
const nbt = require('prismarine-nbt')

const [host, port, username] = process.argv.slice(2)
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }))
const client = mc.createClient({ host, port: Number(port), username, version: '1.20.4', auth: 'offline' })

client.on('login', () => {
  say('joined')
  require('readline').createInterface({ input: process.stdin }).on('line', line => client.chat(line))
})
client.on('system_chat', ({ content }) => say('chat', { message: nbt.simplify(content).text }))
client.on('kick_disconnect', ({ reason }) => say('kicked', { reason: JSON.stringify(reason) }))
client.on('error', error => { say('error', { message: error.message }); process.exit(1) })
client.on('end', reason => { say('ended', { reason }); process.exit(0) })
