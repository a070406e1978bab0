using Punchline.Quic.Crypto;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>Packets with long headers, made by hand.</summary>
internal static class Packets
{
    private const int NumberLength = 4;

    /// <summary>An Initial packet under the keys that everybody can derive (RFC 9001 section 5.2).</summary>
    /// <param name="keysOf">The destination of the client's first packet.</param>
    /// <param name="fromClient">Whose keys.</param>
    /// <param name="destination">Where the packet is addressed.</param>
    /// <param name="source">Whence it says to come.</param>
    /// <param name="number">Its packet number.</param>
    /// <param name="frames">Its content.</param>
    /// <param name="atLeast">The length that PADDING brings it to.</param>
    internal static byte[] Initial(in ConnectionId keysOf, bool fromClient, in ConnectionId destination, in ConnectionId source, ulong number,
        ReadOnlySpan<byte> frames, int atLeast)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(keysOf, client, server);
        using LevelKeys keys = LevelKeys.FromSecret(fromClient ? client : server);
        return Long(PacketType.Initial, keys, destination, source, number, frames, atLeast);
    }

    /// <summary>An Initial or Handshake packet, sealed.</summary>
    /// <param name="setBits">Bits of the first byte that are set besides, before it is protected.</param>
    internal static byte[] Long(PacketType type, LevelKeys keys, in ConnectionId destination, in ConnectionId source, ulong number,
        ReadOnlySpan<byte> frames, int atLeast = 0, byte setBits = 0)
    {
        var packet = new byte[Math.Max(atLeast, frames.Length + 100)];
        var writer = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref writer, type, destination, source, default, NumberLength, out int lengthOffset);
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
}
