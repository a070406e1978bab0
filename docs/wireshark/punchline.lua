-- For Wireshark and tshark: relay frames (docs/wire/relay.md), and the QUIC datagrams inside them.
--
--   byte 0   type: 0x20 is DATA; 0x21 to 0x24 bind an address
--   1 to 8   handle or echo
--   9 on     of DATA a QUIC datagram
--
-- The server's port carries STUN as well, so everything else goes on to that dissector.
-- docs/diagnostics.md has the command line.

local DATA, LAST_TYPE, HEADER_LENGTH = 0x20, 0x2f, 9
local names = { [0x20] = "DATA", [0x21] = "COOKIE_REQUEST", [0x22] = "COOKIE", [0x23] = "BIND", [0x24] = "BOUND" }

local punchline = Proto("punchline", "Punchline relay frame")
local frame_type = ProtoField.uint8("punchline.type", "Type", base.HEX, names)
local handle = ProtoField.bytes("punchline.handle", "Handle or echo")
punchline.fields = { frame_type, handle }

local quic = Dissector.get("quic")
local stun = Dissector.get("stun-udp")

function punchline.dissector(buffer, packet, tree)
    local first = buffer(0, 1):uint()
    if first < DATA or first > LAST_TYPE or buffer:len() < HEADER_LENGTH then
        return stun:call(buffer, packet, tree)
    end
    packet.cols.protocol = "PUNCHLINE"
    local branch = tree:add(punchline, buffer(0, HEADER_LENGTH))
    branch:add(frame_type, buffer(0, 1))
    branch:add(handle, buffer(1, HEADER_LENGTH - 1))
    if first == DATA then
        quic:call(buffer(HEADER_LENGTH):tvb(), packet, tree)
    end
    return buffer:len()
end

DissectorTable.get("udp.port"):add_for_decode_as(punchline)
