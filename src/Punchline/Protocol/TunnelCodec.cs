using Punchline.Invites;
using Punchline.Stun;

namespace Punchline.Protocol;

/// <summary>How reading from the control stream went.</summary>
internal enum TunnelReadStatus
{
    Ok,

    /// <summary>The message is not whole yet.</summary>
    NeedMore,

    /// <summary>Not known, and not needed; it was consumed.</summary>
    Skip,

    /// <summary>Not known, and critical: close with <see cref="TunnelCodec.NewerNeededCode"/>.</summary>
    UnknownCritical,

    /// <summary>Not well formed, or too long: close the connection.</summary>
    Malformed,
}

/// <summary>Bytes and messages of the control stream (docs/wire/tunnel.md).</summary>
internal static class TunnelCodec
{
    /// <summary>Application code of a connection that ends because a critical message is not known.</summary>
    public const ulong NewerNeededCode = 0x02;

    /// <summary>The largest body; SERVICES with all its names takes under 5 kB.</summary>
    public const int MaxBodyLength = 65_536;

    /// <summary>Services in one invite.</summary>
    public const int MaxServices = 64;

    /// <summary>Bytes of a name or a program version.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Bytes of an explanation.</summary>
    public const int MaxTextLength = 200;

    private const ushort Critical = 0x8000;

    /// <summary>Header of the longest message that we write: its length needs 2 bytes at most.</summary>
    private const int MaxWritten = 8192;

    /// <summary>The bytes of a message, header included.</summary>
    public static byte[] Write(TunnelMessage message)
    {
        Span<byte> body = stackalloc byte[MaxWritten];
        var writer = new WireWriter(body);
        TunnelMessageType type;
        switch (message)
        {
            case TunnelHello m:
                type = TunnelMessageType.Hello;
                writer.WriteUInt64(m.Features);
                writer.WriteText(m.ProgramVersion, MaxNameLength);
                break;
            case TunnelServices m:
                type = TunnelMessageType.Services;
                ArgumentOutOfRangeException.ThrowIfGreaterThan(m.Services.Count, MaxServices, nameof(message));
                writer.WriteVarint((ulong)m.Services.Count);
                foreach (ServiceInfo service in m.Services)
                {
                    writer.WriteVarint(service.Id);
                    writer.WriteByte((byte)service.Protocol);
                    writer.WriteUInt16(service.HintPort);
                    writer.WriteText(service.Name, MaxNameLength);
                }
                break;
            case FriendSecret m:
                type = TunnelMessageType.FriendSecret;
                writer.WriteUInt64(m.Id.Value);
                writer.WriteBytes(m.Secret);
                break;
            case ServiceError m:
                type = TunnelMessageType.ServiceError;
                writer.WriteVarint(m.ServiceId);
                writer.WriteVarint(m.FlowId);
                writer.WriteByte((byte)m.Code);
                writer.WriteText(m.Text, MaxTextLength);
                break;
            case NatMessage m:
                type = TunnelMessageType.Nat;
                writer.WriteByte((byte)m.Report.Mapping);
                writer.WriteByte((byte)m.Report.Filtering);
                writer.WriteByte(ToByte(m.Report.IsTranslated));
                writer.WriteByte(ToByte(m.Report.PreservesPort));
                writer.WriteByte(ToByte(m.Report.HasPairedPooling));
                break;
            default:
                throw new ArgumentException("A message without a codec: " + message.GetType().Name, nameof(message));
        }
        byte[] bytes = new byte[2 + 8 + writer.Length];
        var framed = new WireWriter(bytes);
        framed.WriteUInt16((ushort)type);
        framed.WriteVarint((ulong)writer.Length);
        framed.WriteBytes(writer.Written);
        return bytes[..framed.Length];
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
        if (!reader.TryReadUInt16(out ushort type) || !reader.TryReadVarint(out ulong length))
            return TunnelReadStatus.NeedMore;
        if (length > MaxBodyLength)
            return TunnelReadStatus.Malformed;
        if (!reader.TryReadBytes(length, out ReadOnlySpan<byte> body))
            return TunnelReadStatus.NeedMore;
        if (!Enum.IsDefined((TunnelMessageType)type))
        {
            if ((type & Critical) != 0)
                return TunnelReadStatus.UnknownCritical;
            consumed = buffer.Length - reader.Rest.Length;
            return TunnelReadStatus.Skip;
        }
        message = ReadBody((TunnelMessageType)type, new WireReader(body));
        if (message is null)
            return TunnelReadStatus.Malformed;
        consumed = buffer.Length - reader.Rest.Length;
        return TunnelReadStatus.Ok;
    }

    private static TunnelMessage? ReadBody(TunnelMessageType type, WireReader body)
    {
        switch (type)
        {
            case TunnelMessageType.Hello:
                return body.TryReadUInt64(out ulong features) && body.TryReadText(MaxNameLength, out string version) ? new TunnelHello(features, version) : null;
            case TunnelMessageType.Services:
                return ReadServices(body);
            case TunnelMessageType.FriendSecret:
                return body.TryReadUInt64(out ulong id) && body.TryReadArray(Invite.SecretLength, out byte[] secret) ? new FriendSecret(new InviteId(id), secret) : null;
            case TunnelMessageType.ServiceError:
                return body.TryReadVarint(out ulong service) && body.TryReadVarint(out ulong flow) && body.TryReadByte(out byte code)
                    && body.TryReadText(MaxTextLength, out string text) ? new ServiceError(service, flow, (ServiceErrorCode)code, text) : null;
            default:
                return ReadNat(body);
        }
    }

    // What a later version may know better is unknown to us, not wrong.
    private static NatMessage? ReadNat(WireReader body)
    {
        if (!body.TryReadByte(out byte mapping) || !body.TryReadByte(out byte filtering) || !body.TryReadByte(out byte translated)
            || !body.TryReadByte(out byte preserves) || !body.TryReadByte(out byte pooling))
        {
            return null;
        }
        return new NatMessage(new NatReport(
            Enum.IsDefined((NatMapping)mapping) ? (NatMapping)mapping : NatMapping.Unknown,
            Enum.IsDefined((NatFiltering)filtering) ? (NatFiltering)filtering : NatFiltering.Unknown,
            ToFact(translated), ToFact(preserves), ToFact(pooling)));
    }

    private static byte ToByte(bool? fact) => fact switch { null => 0, false => 1, true => 2 };

    private static bool? ToFact(byte value) => value switch { 1 => false, 2 => true, _ => null };

    private static TunnelServices? ReadServices(WireReader body)
    {
        if (!body.TryReadVarint(out ulong count) || count > MaxServices)
            return null;
        var services = new List<ServiceInfo>();
        var ids = new HashSet<ulong>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (ulong i = 0; i < count; i++)
        {
            if (!body.TryReadVarint(out ulong id) || !ids.Add(id) || !body.TryReadByte(out byte protocol) || !body.TryReadUInt16(out ushort port)
                || !body.TryReadText(MaxNameLength, out string name) || !names.Add(name))
            {
                return null;
            }
            // A protocol of a later version is not offered, but does no harm to the others.
            if ((ServiceProtocol)protocol is ServiceProtocol.Tcp or ServiceProtocol.Udp)
                services.Add(new ServiceInfo(id, (ServiceProtocol)protocol, port, name));
        }
        return new TunnelServices(services);
    }
}
