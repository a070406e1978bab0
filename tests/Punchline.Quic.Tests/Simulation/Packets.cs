using Punchline.Quic.Crypto;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Packets made by hand, sealed, with packet numbers of four bytes.</summary>
internal static class Packets
{
    private const int NumberLength = PacketNumberCodec.MaxLength;

    /// <summary>More than a header and a tag.</summary>
    private const int MostAround = 100;

    /// <summary>An Initial packet under the keys that everybody can derive (RFC 9001 section 5.2).</summary>
    /// <param name="keysOf">The destination of the client's first packet.</param>
    /// <param name="fromClient">Whose keys.</param>
    /// <param name="destination">Where the packet is addressed.</param>
    /// <param name="source">Whence it says to come.</param>
    /// <param name="number">Its packet number.</param>
    /// <param name="frames">Its content.</param>
    /// <param name="atLeast">The length that PADDING brings it to.</param>
    /// <param name="setBits">Bits of the first byte that are set besides, before it is protected.</param>
    /// <param name="token">Its token.</param>
    internal static byte[] Initial(in ConnectionId keysOf, bool fromClient, in ConnectionId destination, in ConnectionId source, ulong number,
        ReadOnlySpan<byte> frames, int atLeast = 0, byte setBits = 0, ReadOnlySpan<byte> token = default)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(keysOf, client, server);
        using LevelKeys keys = LevelKeys.FromSecret(fromClient ? client : server);
        return Long(PacketType.Initial, keys, destination, source, number, frames, atLeast, setBits, token);
    }

    /// <summary>An Initial, 0-RTT or Handshake packet; the parameters are those of <see cref="Initial"/>.</summary>
    internal static byte[] Long(PacketType type, LevelKeys keys, in ConnectionId destination, in ConnectionId source, ulong number,
        ReadOnlySpan<byte> frames, int atLeast = 0, byte setBits = 0, ReadOnlySpan<byte> token = default)
    {
        var packet = new byte[Math.Max(atLeast, frames.Length + token.Length + MostAround)];
        var writer = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref writer, type, destination, source, token, NumberLength, out int lengthOffset);
        packet[0] |= setBits;
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, number, NumberLength);
        int headerLength = writer.Position;
        writer.WriteBytes(frames);
        writer.Reserve(AeadKey.TagLength);
        int length = Math.Max(atLeast, writer.Position);
        PacketHeaderWriter.PatchLength(packet, lengthOffset, length - numberOffset);
        keys.Aead.Seal(packet.AsSpan(0, length), headerLength, number);
        keys.Header.Protect(packet.AsSpan(0, length), numberOffset, NumberLength);
        return packet[..length];
    }
    /// <summary>A 1-RTT packet.</summary>
    /// <param name="keys">Its keys.</param>
    /// <param name="destination">Where it is addressed.</param>
    /// <param name="number">Its packet number.</param>
    /// <param name="frames">Its content.</param>
    /// <param name="setBits">Bits of the first byte that are set besides, before it is protected.</param>
    /// <param name="updated">Another key and its phase, as after an update; the header's protection stays.</param>
    internal static byte[] Short(
        OneRttKeys keys, in ConnectionId destination, ulong number, ReadOnlySpan<byte> frames, byte setBits = 0, (AeadKey Key, bool Phase)? updated = null)
    {
        var packet = new byte[frames.Length + MostAround];
        var writer = new WireWriter(packet);
        PacketHeaderWriter.WriteShort(ref writer, destination, updated?.Phase ?? keys.KeyPhase, NumberLength);
        packet[0] |= setBits;
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, number, NumberLength);
        int headerLength = writer.Position;
        writer.WriteBytes(frames);
        writer.Reserve(AeadKey.TagLength);
        Span<byte> bytes = packet.AsSpan(0, writer.Position);
        if (updated is { } update)
            update.Key.Seal(bytes, headerLength, number);
        else
            keys.Seal(bytes, headerLength, number);
        keys.WriteHeader.Protect(bytes, numberOffset, NumberLength);
        return bytes.ToArray();
    }
}
