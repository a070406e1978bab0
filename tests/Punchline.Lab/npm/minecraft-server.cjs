// minecraft-server.cjs PORT: an offline Minecraft server that passes chat on. One JSON object a line says what happens.
const mc = require('minecraft-protocol')
const nbt = require('prismarine-nbt')

const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }))
const server = mc.createServer({ host: '127.0.0.1', port: Number(process.argv[2]), version: '1.20.4', 'online-mode': false })
const { loginPacket } = require('minecraft-data')(server.version)

server.on('listening', () => say('listening'))
server.on('error', error => { say('error', { message: error.message }); process.exit(1) })
server.on('playerJoin', client => {
  say('joined', { name: client.username })
  client.write('login', { ...loginPacket, entityId: client.id, enforceSecureChat: false, maxPlayers: server.maxPlayers })
  client.write('position', { x: 0, y: 256, z: 0, yaw: 0, pitch: 0, flags: 0 })
  client.on('chat_message', ({ message }) => {
    say('chat', { name: client.username, message })
    const content = nbt.comp({ text: nbt.string(`${client.username}: ${message}`) })
    server.writeToClients(Object.values(server.clients), 'system_chat', { content, isActionBar: false })
  })
  client.on('end', () => say('left', { name: client.username }))
})
