using System.Runtime.CompilerServices;
using Punchline.Quic;
using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Fuzz.Connections;

/// <summary>
/// Packets that are authentic although no connection of ours would send them: sealed with a connection's own keys, under its next number,
/// and remembered as sent, so that their acknowledgement is in order.
/// </summary>
internal static class Insider
{
    private const int TagLength = AeadKey.TagLength;

    /// <summary>Bytes of plaintext that fit any packet made here.</summary>
    public const int MaxPlaintext = 1100;

    /// <summary>Seals a plaintext.</summary>
    /// <param name="connection">Whose packet it is.</param>
    /// <param name="level">Initial, Handshake or Application.</param>
    /// <param name="plaintext">Frames, or what is mistaken for them.</param>
    /// <param name="datagram">At least 1,500 bytes.</param>
    /// <param name="now">The time.</param>
    /// <returns>The length of the datagram; 0 if the connection has no such keys, not yet or no more.</returns>
    public static int Seal(QuicConnection connection, EncryptionLevel level, ReadOnlySpan<byte> plaintext, Span<byte> datagram, Instant now)
    {
        PathState path = Paths(connection).Current;
        PacketSpace space = Spaces(connection)[(int)SpaceOf(level)];
        LevelKeys? levelKeys = space.WriteKeys;
        OneRttKeys? oneRtt = OneRtt(connection);
        if ((level == EncryptionLevel.Application ? oneRtt is null : levelKeys is null) || !connection.IsOpen
            || !PeerIds(connection).TryGetFor(path, out ConnectionId destination))
        {
            return 0;
        }
        var writer = new WireWriter(datagram);
        int lengthOffset = 0;
        if (level == EncryptionLevel.Application)
            PacketHeaderWriter.WriteShort(ref writer, destination, oneRtt!.KeyPhase, PacketNumberCodec.MaxLength);
        else
            PacketHeaderWriter.WriteLong(ref writer, level == EncryptionLevel.Initial ? PacketType.Initial : PacketType.Handshake,
                destination, FirstLocalId(connection), default, PacketNumberCodec.MaxLength, out lengthOffset);
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, space.NextNumber, PacketNumberCodec.MaxLength);
        int headerLength = writer.Position;
        writer.WriteBytes(plaintext);
        // A server drops an Initial in a smaller datagram (RFC 9000 section 14.1): the rest is PADDING.
        if (level == EncryptionLevel.Initial && writer.Position + TagLength < MtuDiscovery.BaseSize)
            writer.Reserve(MtuDiscovery.BaseSize - TagLength - writer.Position).Clear();
        writer.Reserve(TagLength);
        Span<byte> packet = writer.Written;
        if (level == EncryptionLevel.Application)
        {
            oneRtt!.Seal(packet, headerLength, space.NextNumber);
            oneRtt.WriteHeader.Protect(packet, numberOffset, PacketNumberCodec.MaxLength);
        }
        else
        {
            PacketHeaderWriter.PatchLength(packet, lengthOffset, packet.Length - numberOffset);
            levelKeys!.Aead.Seal(packet, headerLength, space.NextNumber);
            levelKeys.Header.Protect(packet, numberOffset, PacketNumberCodec.MaxLength);
        }
        Loss(connection).OnPacketSent(SpaceOf(level), space.NextNumber++, now, packet.Length, path.Recovery,
            SentPacketFlags.AckEliciting | SentPacketFlags.InFlight, [new SentFrame(SentFrameKind.Ping, 0, 0, 0, false)]);
        return packet.Length;
    }

    private static PacketNumberSpace SpaceOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => PacketNumberSpace.Initial,
        EncryptionLevel.Handshake => PacketNumberSpace.Handshake,
        _ => PacketNumberSpace.Application,
    };

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_oneRtt")]
    private static extern ref OneRttKeys? OneRtt(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_paths")]
    private static extern ref PathSet Paths(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_peerIds")]
    private static extern ref PeerConnectionIds PeerIds(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_firstLocalId")]
    private static extern ref ConnectionId FirstLocalId(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spaces")]
    private static extern ref PacketSpace[] Spaces(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_loss")]
    private static extern ref LossDetector Loss(QuicConnection connection);
}
