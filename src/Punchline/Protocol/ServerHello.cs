using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>What the server says first.</summary>
internal sealed record ServerHello(byte LowestVersion, byte HighestVersion, ulong Features, byte[] Nonce, ushort UdpPort, ushort AlternatePort,
    IReadOnlyList<UdpAddress> Addresses, string ProgramVersion) : ControlMessage(ControlType.ServerHello)
{
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
        return body.TryReadShortText(out string version) ? new ServerHello(lowest, highest, features, nonce, udp, alternate, addresses, version) : null;
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        if (Addresses.Count > ControlCodec.MaxAddresses)
            throw new InvalidOperationException("More addresses than a SERVER_HELLO holds.");
        writer.WriteByte(LowestVersion);
        writer.WriteByte(HighestVersion);
        writer.WriteUInt64(Features);
        writer.WriteBytes(Nonce);
        writer.WriteUInt16(UdpPort);
        writer.WriteUInt16(AlternatePort);
        writer.WriteByte((byte)Addresses.Count);
        foreach (UdpAddress address in Addresses)
            writer.WriteAddress(address);
        writer.WriteShortText(ProgramVersion);
    }
}
