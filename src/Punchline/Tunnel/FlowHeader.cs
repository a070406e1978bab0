using System.Buffers.Binary;

namespace Punchline.Tunnel;

/// <summary>
/// The header of a stream or DATAGRAM (docs/wire/tunnel.md): kind (1) ‖ service id (varint) ‖ flow id (varint), and in a
/// DATAGRAM ‖ sequence (varint).
/// </summary>
internal readonly record struct FlowHeader(byte Kind, ulong ServiceId, ulong FlowId, ulong Sequence)
{
    public const byte TcpKind = 0x01;
    public const byte UdpKind = 0x02;

    /// <summary>The longest header of a stream, in bytes.</summary>
    public const int MaxStreamLength = 1 + 8 + 8;

    /// <summary>The longest header of a DATAGRAM, in bytes.</summary>
    public const int MaxDatagramLength = MaxStreamLength + 8;

    /// <summary>Writes a stream's header.</summary>
    /// <param name="destination">At least <see cref="MaxStreamLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int WriteStream(Span<byte> destination, ulong serviceId, ulong flowId)
    {
        destination[0] = TcpKind;
        int length = 1 + WriteVarint(destination[1..], serviceId);
        return length + WriteVarint(destination[length..], flowId);
    }

    /// <summary>Writes a DATAGRAM's header.</summary>
    /// <param name="destination">At least <see cref="MaxDatagramLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int WriteDatagram(Span<byte> destination, ulong serviceId, ulong flowId, ulong sequence)
    {
        int length = WriteStream(destination, serviceId, flowId);
        destination[0] = UdpKind;
        return length + WriteVarint(destination[length..], sequence);
    }

    /// <summary>Reads a stream's header from its first bytes.</summary>
    /// <returns>False if bytes are missing; the kind is not judged.</returns>
    public static bool TryReadStream(ReadOnlySpan<byte> source, out FlowHeader header)
    {
        header = default;
        int at = 1;
        if (source.IsEmpty || !TryReadVarint(source, ref at, out ulong service) || !TryReadVarint(source, ref at, out ulong flow))
            return false;
        header = new FlowHeader(source[0], service, flow, 0);
        return true;
    }

    /// <summary>Reads a UDP flow's DATAGRAM.</summary>
    /// <returns>False if it is of another kind or cut short.</returns>
    public static bool TryReadDatagram(ReadOnlySpan<byte> source, out FlowHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        int at = 1;
        if (source.IsEmpty || source[0] != UdpKind || !TryReadVarint(source, ref at, out ulong service)
            || !TryReadVarint(source, ref at, out ulong flow) || !TryReadVarint(source, ref at, out ulong sequence))
        {
            return false;
        }
        header = new FlowHeader(UdpKind, service, flow, sequence);
        payload = source[at..];
        return true;
    }

    // RFC 9000 section 16.
    private static int WriteVarint(Span<byte> destination, ulong value)
    {
        switch (value)
        {
            case < 1UL << 6:
                destination[0] = (byte)value;
                return 1;
            case < 1UL << 14:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                return 2;
            case < 1UL << 30:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)value | 0x8000_0000);
                return 4;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(destination, value | 0xc000_0000_0000_0000);
                return 8;
        }
    }

    private static bool TryReadVarint(ReadOnlySpan<byte> source, ref int at, out ulong value)
    {
        value = 0;
        if (at >= source.Length)
            return false;
        int length = 1 << (source[at] >> 6);
        if (length > source.Length - at)
            return false;
        value = source[at] & 0x3fu;
        for (int i = 1; i < length; i++)
            value = value << 8 | source[at + i];
        at += length;
        return true;
    }
}
