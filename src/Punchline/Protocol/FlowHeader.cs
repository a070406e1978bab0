using Punchline.Quic.Wire;

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

    /// <returns>The number of bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        writer.WriteByte((byte)FlowKind.TcpFlow);
        writer.WriteVarInt(ServiceId);
        writer.WriteVarInt(FlowId);
        return writer.Position;
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
        if (unknownKind || !reader.TryReadVarInt(out ulong service) || !reader.TryReadVarInt(out ulong flow))
            return false;
        header = new StreamHeader(service, flow);
        consumed = reader.Position;
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
        writer.WriteVarInt(ServiceId);
        writer.WriteVarInt(FlowId);
        writer.WriteVarInt(Sequence);
        return writer.Position;
    }

    /// <summary>Reads a header; what follows is the flow's own datagram, which may be empty.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out DatagramHeader header, out int consumed)
    {
        header = default;
        consumed = 0;
        var reader = new WireReader(datagram);
        if (!reader.TryReadByte(out byte kind) || kind != (byte)FlowKind.UdpFlow || !reader.TryReadVarInt(out ulong service)
            || !reader.TryReadVarInt(out ulong flow) || !reader.TryReadVarInt(out ulong sequence))
        {
            return false;
        }
        header = new DatagramHeader(service, flow, sequence);
        consumed = reader.Position;
        return true;
    }
}
