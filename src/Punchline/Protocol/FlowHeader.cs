namespace Punchline.Protocol;

/// <summary>What a stream or a DATAGRAM carries.</summary>
internal enum FlowKind : byte
{
    TcpFlow = 0x01,
    UdpFlow = 0x02,
}

/// <summary>The header of every stream but the control stream: kind ‖ service id ‖ flow id (docs/wire/tunnel.md).</summary>
internal readonly record struct StreamHeader(ulong ServiceId, ulong FlowId)
{
    public const int MaxLength = 1 + 8 + 8;

    /// <summary>Application code of a reset for a stream of an unknown kind.</summary>
    public const ulong UnknownKindCode = 0x03;

    /// <returns>The number of bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.WriteByte((byte)FlowKind.TcpFlow);
        writer.WriteVarint(ServiceId);
        writer.WriteVarint(FlowId);
        return writer.Length;
    }

    /// <summary>Reads a header from the beginning of a stream.</summary>
    /// <param name="buffer">What has arrived; <see cref="MaxLength"/> bytes always suffice.</param>
    /// <param name="unknownKind">True if the stream is of a kind that this program does not know; false with a false result: wait for more.</param>
    public static bool TryRead(ReadOnlySpan<byte> buffer, out StreamHeader header, out int consumed, out bool unknownKind)
    {
        header = default;
        consumed = 0;
        unknownKind = false;
        var reader = new WireReader(buffer);
        if (!reader.TryReadByte(out byte kind))
            return false;
        unknownKind = kind != (byte)FlowKind.TcpFlow;
        if (unknownKind || !reader.TryReadVarint(out ulong service) || !reader.TryReadVarint(out ulong flow))
            return false;
        header = new StreamHeader(service, flow);
        consumed = buffer.Length - reader.Rest.Length;
        return true;
    }
}

/// <summary>The header of every DATAGRAM: kind ‖ service id ‖ flow id ‖ sequence (docs/wire/tunnel.md).</summary>
internal readonly record struct DatagramHeader(ulong ServiceId, ulong FlowId, ulong Sequence)
{
    public const int MaxLength = 1 + 8 + 8 + 8;

    /// <returns>The number of bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.WriteByte((byte)FlowKind.UdpFlow);
        writer.WriteVarint(ServiceId);
        writer.WriteVarint(FlowId);
        writer.WriteVarint(Sequence);
        return writer.Length;
    }

    /// <summary>Reads a header; what follows is the flow's own datagram, which may be empty.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out DatagramHeader header, out int consumed)
    {
        header = default;
        consumed = 0;
        var reader = new WireReader(datagram);
        if (!reader.TryReadByte(out byte kind) || kind != (byte)FlowKind.UdpFlow || !reader.TryReadVarint(out ulong service)
            || !reader.TryReadVarint(out ulong flow) || !reader.TryReadVarint(out ulong sequence))
        {
            return false;
        }
        header = new DatagramHeader(service, flow, sequence);
        consumed = datagram.Length - reader.Rest.Length;
        return true;
    }
}
