using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Stun;

/// <summary>96 random bits that tie a response to its request (RFC 8489 section 5).</summary>
/// <param name="High">The first 4 bytes.</param>
/// <param name="Low">The other 8 bytes.</param>
internal readonly record struct StunTransactionId(uint High, ulong Low)
{
    /// <summary>Its length in bytes.</summary>
    public const int Length = 12;

    /// <summary>Reads the first 12 bytes of a span that has them.</summary>
    public static StunTransactionId Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[4..]));

    /// <summary>Draws a new one. Off-path attackers must not guess it, but everybody on the path sees it.</summary>
    public static StunTransactionId Draw(IRandomness randomness)
    {
        Span<byte> bytes = stackalloc byte[Length];
        randomness.FillPublic(bytes);
        return Read(bytes);
    }

    /// <summary>Writes its 12 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], Low);
    }
}
