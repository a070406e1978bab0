using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>What the server says first.</summary>
internal sealed record ServerHello(byte LowestVersion, byte HighestVersion, ControlFeatures Features, byte[] Nonce, ushort UdpPort, ushort AlternatePort,
    IReadOnlyList<UdpAddress> Addresses, string ProgramVersion) : ControlMessage(ControlType.ServerHello)
{
    /// <summary>How much the server relays. Servers of before say nothing: handshakes alone.</summary>
    public RelayLevel Relay { get; init; }

    /// <summary>What a pair may have of it, both directions together, in bytes a second; 0 if the server names no limit.</summary>
    public uint PairRate { get; init; }

    public static ServerHello? Read(WireReader body)
    {
        if (!body.TryReadByte(out byte lowest) || !body.TryReadByte(out byte highest) || !body.TryReadUInt64(out ulong features)
            || !body.TryReadArray(ControlCodec.NonceLength, out byte[] nonce) || !body.TryReadUInt16(out ushort udp) || !body.TryReadUInt16(out ushort alternate)
            || !body.TryReadByte(out byte count) || count > ControlCodec.MaxAddresses)
        {
            return null;
        }
        var addresses = new UdpAddress[count];
        for (int i = 0; i < count; i++)
        {
            if (!body.TryReadAddress(out addresses[i]))
                return null;
        }
        if (!body.TryReadShortText(out string version))
            return null;
        var hello = new ServerHello(lowest, highest, (ControlFeatures)features, nonce, udp, alternate, addresses, version);
        if (body.IsEmpty)
            return hello;
        return body.TryReadByte(out byte relay) && body.TryReadUInt32(out uint rate) ? hello with { Relay = (RelayLevel)relay, PairRate = rate } : null;
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        if (Addresses.Count > ControlCodec.MaxAddresses)
            throw new InvalidOperationException("More addresses than a SERVER_HELLO holds.");
        writer.WriteByte(LowestVersion);
        writer.WriteByte(HighestVersion);
        writer.WriteUInt64((ulong)Features);
        writer.WriteBytes(Nonce);
        writer.WriteUInt16(UdpPort);
        writer.WriteUInt16(AlternatePort);
        writer.WriteByte((byte)Addresses.Count);
        foreach (UdpAddress address in Addresses)
            writer.WriteAddress(address);
        writer.WriteShortText(ProgramVersion);
        writer.WriteByte((byte)Relay);
        writer.WriteUInt32(PairRate);
    }
}
