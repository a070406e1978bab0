using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>How reading from the control stream went.</summary>
internal enum TunnelReadStatus
{
    Ok,

    /// <summary>The message is not whole yet.</summary>
    NeedMore,

    /// <summary>Not known, and not needed; it was consumed.</summary>
    Skip,

    /// <summary>Not known, and critical: close with <see cref="CloseCode.NewerNeeded"/>.</summary>
    UnknownCritical,

    /// <summary>Not well formed, or too long: close the connection.</summary>
    Malformed,
}

/// <summary>The frame around each message of the control stream: type and length, and the bounds of all (docs/wire/tunnel.md). Bodies stand with their messages.</summary>
internal static class TunnelCodec
{
    /// <summary>The largest body; SERVICES with all its names takes under 5 kB.</summary>
    public const int MaxBodyLength = 65_536;

    /// <summary>Services in one invite.</summary>
    public const int MaxServices = 64;

    /// <summary>Bytes of a name or a program version.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Bytes of an explanation.</summary>
    public const int MaxTextLength = 200;

    private const ushort Critical = 0x8000;

    /// <summary>The longest body that we write.</summary>
    private const int MaxWritten = 8192;

    /// <summary>The bytes of a message, header included.</summary>
    public static byte[] Write(TunnelMessage message)
    {
        Span<byte> buffer = stackalloc byte[MaxWritten];
        var body = new WireWriter(buffer);
        message.WriteBody(ref body);
        byte[] bytes = new byte[sizeof(ushort) + VarInt.Length((ulong)body.Position) + body.Position];
        var framed = new WireWriter(bytes);
        framed.WriteUInt16((ushort)message.Type);
        framed.WriteVarInt((ulong)body.Position);
        framed.WriteBytes(body.Written);
        return bytes;
    }

    /// <summary>Reads the first message of what has arrived.</summary>
    /// <param name="buffer">Bytes in order from the stream; room for 65,546 of them suffices for any message.</param>
    /// <param name="message">The message, if the status is Ok.</param>
    /// <param name="consumed">How many bytes to drop from the buffer; 0 unless Ok or Skip.</param>
    public static TunnelReadStatus TryRead(ReadOnlySpan<byte> buffer, out TunnelMessage? message, out int consumed)
    {
        message = null;
        consumed = 0;
        var reader = new WireReader(buffer);
        if (!reader.TryReadUInt16(out ushort type) || !reader.TryReadVarInt(out ulong length))
            return TunnelReadStatus.NeedMore;
        if (length > MaxBodyLength)
            return TunnelReadStatus.Malformed;
        if (!reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes))
            return TunnelReadStatus.NeedMore;
        var body = new WireReader(bytes);
        switch ((TunnelMessageType)type)
        {
            case TunnelMessageType.Hello: message = TunnelHello.Read(body); break;
            case TunnelMessageType.Services: message = TunnelServices.Read(body); break;
            case TunnelMessageType.FriendSecret: message = FriendSecret.Read(body); break;
            case TunnelMessageType.ServiceError: message = ServiceError.Read(body); break;
            case TunnelMessageType.Nat: message = NatMessage.Read(body); break;
            case TunnelMessageType.StaysOnRelay: message = StaysOnRelay.Read(body); break;
            case TunnelMessageType.Traverse: message = Traverse.Read(body); break;
            case TunnelMessageType.TraverseReady: message = TraverseReady.Read(body); break;
            case TunnelMessageType.TraverseGo: message = TraverseGo.Read(body); break;
            case TunnelMessageType.Quiet: message = QuietMessage.Read(body); break;
            default:
                if ((type & Critical) != 0)
                    return TunnelReadStatus.UnknownCritical;
                consumed = reader.Position;
                return TunnelReadStatus.Skip;
        }
        if (message is null)
            return TunnelReadStatus.Malformed;
        consumed = reader.Position;
        return TunnelReadStatus.Ok;
    }
}
