using System.Buffers;
using System.Security.Cryptography;

namespace Punchline.Quic.Wire;

/// <summary>
/// Retry (RFC 9000 section 17.2.5; RFC 9001 section 5.8). Its fields are read by <see cref="PacketHeader"/>; the tag is checked here.
/// <code>First (8), Version (32), DCID Length (8), DCID, SCID Length (8), SCID, Retry Token (..), Retry Integrity Tag (128)</code>
/// </summary>
internal static class RetryPacket
{
    private const int TagLength = PacketHeader.RetryTagLength;

    /// <summary>The type bits, and 1111 in the bits that nobody reads.</summary>
    private const byte First = FirstByte.LongForm | FirstByte.FixedBit | ((byte)PacketType.Retry << 4) | 0x0f;

    /// <summary>RFC 9001 section 5.8: known to all, for the tag only shows that the sender saw the Initial packet.</summary>
    private static ReadOnlySpan<byte> Key =>
        [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e];

    /// <inheritdoc cref="Key"/>
    private static ReadOnlySpan<byte> Nonce => [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb];

    /// <summary>The length of the packet that <see cref="Write"/> makes.</summary>
    public static int Length(in ConnectionId dcid, in ConnectionId scid, int tokenLength) =>
        1 + sizeof(uint) + 1 + dcid.Length + 1 + scid.Length + tokenLength + TagLength;

    /// <summary>Writes a whole packet and returns its length.</summary>
    /// <param name="dcid">The source of the client's Initial packet.</param>
    /// <param name="scid">The server's choice, not equal to <paramref name="originalDestination"/>.</param>
    /// <param name="token">Not empty.</param>
    /// <param name="originalDestination">The destination of the client's Initial packet.</param>
    public static int Write(
        Span<byte> d, in ConnectionId dcid, in ConnectionId scid, ReadOnlySpan<byte> token, in ConnectionId originalDestination)
    {
        ArgumentOutOfRangeException.ThrowIfZero(token.Length, nameof(token));
        var w = new WireWriter(d);
        w.WriteByte(First);
        PacketHeaderWriter.WriteVersionAndIds(ref w, QuicVersion.Version1, dcid.Span, scid.Span);
        w.WriteBytes(token);
        int end = w.Position;
        ComputeTag(d[..end], originalDestination, w.Reserve(TagLength));
        return w.Position;
    }

    /// <summary>True if the tag at the packet's end was made by somebody who saw the Initial packet.</summary>
    /// <param name="packet">The whole packet, as <see cref="PacketHeader"/> delimits it.</param>
    /// <param name="originalDestination">The destination of our Initial packet.</param>
    public static bool Verify(ReadOnlySpan<byte> packet, in ConnectionId originalDestination)
    {
        if (packet.Length < TagLength)
            return false;
        Span<byte> expected = stackalloc byte[TagLength];
        ComputeTag(packet[..^TagLength], originalDestination, expected);
        return CryptographicOperations.FixedTimeEquals(expected, packet[^TagLength..]);
    }

    private static void ComputeTag(ReadOnlySpan<byte> packetWithoutTag, in ConnectionId originalDestination, Span<byte> tag)
    {
        // The pseudo-packet is the original destination with its length, then the packet.
        int prefix = 1 + originalDestination.Length;
        int length = prefix + packetWithoutTag.Length;
        byte[] pseudo = ArrayPool<byte>.Shared.Rent(length);
        pseudo[0] = (byte)originalDestination.Length;
        originalDestination.Span.CopyTo(pseudo.AsSpan(1));
        packetWithoutTag.CopyTo(pseudo.AsSpan(prefix));
        using (var aead = new AesGcm(Key, TagLength))
            aead.Encrypt(Nonce, [], [], tag, pseudo.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(pseudo);
    }
}
