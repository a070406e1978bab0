namespace Punchline.Quic.Wire;

/// <summary>Writes headers up to the packet number (RFC 9000 sections 17.2 and 17.3). The fixed bit is always set, the reserved bits and the spin bit (section 17.4) never.</summary>
internal static class PacketHeaderWriter
{
    /// <summary>The Length field is filled in when the packet is done, so its size is fixed: enough for any packet of ours.</summary>
    private const int LengthFieldLength = 2;

    /// <summary>The bytes of a long header before the packet number.</summary>
    /// <param name="tokenLength">0 for all types but Initial.</param>
    public static int LongLength(PacketType type, in ConnectionId d, in ConnectionId s, int tokenLength) =>
        1 + sizeof(uint) + 1 + d.Length + 1 + s.Length
        + (type == PacketType.Initial ? VarInt.Length((ulong)tokenLength) + tokenLength : 0) + LengthFieldLength;

    /// <summary>Writes the long header of an Initial, 0-RTT or Handshake packet.</summary>
    /// <param name="packetNumberLength">1 to 4.</param>
    /// <param name="lengthOffset">Where in the writer's span the Length field stands, for <see cref="PatchLength"/>.</param>
    public static void WriteLong(
        scoped ref WireWriter w,
        PacketType type,
        in ConnectionId d,
        in ConnectionId s,
        scoped ReadOnlySpan<byte> token,
        int packetNumberLength,
        out int lengthOffset)
    {
        if (type > PacketType.Handshake)
            throw new ArgumentOutOfRangeException(nameof(type), type, "Only Initial, 0-RTT and Handshake packets have this header.");
        w.WriteByte((byte)(FirstByte.LongForm | FirstByte.FixedBit | ((int)type << 4) | LengthBits(packetNumberLength)));
        WriteVersionAndIds(ref w, QuicVersion.Version1, d.Span, s.Span);
        if (type == PacketType.Initial)
        {
            w.WriteVarInt((ulong)token.Length);
            w.WriteBytes(token);
        }
        lengthOffset = w.Position;
        w.WriteVarInt(0, LengthFieldLength);
    }

    /// <summary>Fills in the Length field: the bytes of packet number, payload and tag.</summary>
    /// <param name="packet">The span that the writer had.</param>
    /// <param name="length">At most 16,383: what a Length field of two bytes can say.</param>
    public static void PatchLength(Span<byte> packet, int lengthOffset, int length) =>
        VarInt.Write(packet[lengthOffset..], (ulong)length, LengthFieldLength);

    /// <summary>The bytes of a short header before the packet number.</summary>
    public static int ShortLength(in ConnectionId d) => 1 + d.Length;

    /// <summary>Writes the short header of a 1-RTT packet.</summary>
    /// <param name="packetNumberLength">1 to 4.</param>
    public static void WriteShort(scoped ref WireWriter w, in ConnectionId d, bool keyPhase, int packetNumberLength)
    {
        w.WriteByte((byte)(FirstByte.FixedBit | (keyPhase ? FirstByte.KeyPhaseBit : 0) | LengthBits(packetNumberLength)));
        w.WriteBytes(d.Span);
    }

    /// <summary>What all long headers share (RFC 8999 section 5.1).</summary>
    internal static void WriteVersionAndIds(
        scoped ref WireWriter w, uint version, scoped ReadOnlySpan<byte> destination, scoped ReadOnlySpan<byte> source)
    {
        w.WriteUInt32(version);
        w.WriteByte(checked((byte)destination.Length));
        w.WriteBytes(destination);
        w.WriteByte(checked((byte)source.Length));
        w.WriteBytes(source);
    }

    private static int LengthBits(int packetNumberLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packetNumberLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packetNumberLength, PacketNumberCodec.MaxLength);
        return packetNumberLength - 1;
    }
}
