using System.Buffers.Binary;

namespace Punchline.Endpoint;

/// <summary>The bytes in front of a relayed QUIC datagram: one type byte and the handle in network order.</summary>
internal static class RelayHeader
{
    /// <summary>The type byte of relayed data.</summary>
    public const byte DataType = 0x20;

    /// <summary>Bytes in front of the datagram.</summary>
    public const int Length = 1 + sizeof(ulong);

    public static void Write(Span<byte> destination, ulong handle)
    {
        destination[0] = DataType;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], handle);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out ulong handle)
    {
        handle = 0;
        if (datagram.Length < Length || datagram[0] != DataType)
            return false;
        handle = BinaryPrimitives.ReadUInt64BigEndian(datagram[1..]);
        return true;
    }
}
