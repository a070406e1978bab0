using Punchline.Invites;
using Punchline.Quic.Wire;
using Punchline.Stun;

namespace Punchline.Protocol;

/// <summary>Message types of the control stream between two peers. The top bit: who does not know it cannot go on.</summary>
internal enum TunnelMessageType : ushort
{
    Hello = 0x8001,
    Services = 0x8002,
    FriendSecret = 0x0003,
    ServiceError = 0x0004,
    Nat = 0x0005,
    StaysOnRelay = 0x0006,
    Traverse = 0x0007,
    TraverseReady = 0x0008,
    TraverseGo = 0x0009,
    Quiet = 0x0010,
}

/// <summary>
/// A message of the control stream: the first bidirectional stream of a connection (docs/wire/tunnel.md). Each knows its own body: it
/// writes it, and beside that stands a static <c>Read</c>, which returns null for a body that is not well formed.
/// </summary>
internal abstract record TunnelMessage(TunnelMessageType Type)
{
    /// <summary>Writes what stands behind type and length.</summary>
    public abstract void WriteBody(scoped ref WireWriter writer);
}

/// <summary>Comes first, from both sides.</summary>
internal sealed record TunnelHello(ulong Features, string ProgramVersion) : TunnelMessage(TunnelMessageType.Hello)
{
    public static TunnelHello? Read(WireReader body) =>
        body.TryReadUInt64(out ulong features) && body.TryReadText(TunnelCodec.MaxNameLength, out string version) ? new TunnelHello(features, version) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Features);
        writer.WriteText(ProgramVersion, TunnelCodec.MaxNameLength);
    }
}

/// <summary>One service, without its address.</summary>
internal readonly record struct ServiceInfo(ulong Id, ServiceProtocol Protocol, ushort HintPort, string Name);

/// <summary>What the host shares.</summary>
internal sealed record TunnelServices(IReadOnlyList<ServiceInfo> Services) : TunnelMessage(TunnelMessageType.Services)
{
    public static TunnelServices? Read(WireReader body)
    {
        if (!body.TryReadVarInt(out ulong count) || count > TunnelCodec.MaxServices)
            return null;
        var services = new List<ServiceInfo>();
        var ids = new HashSet<ulong>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (ulong i = 0; i < count; i++)
        {
            if (!body.TryReadVarInt(out ulong id) || !ids.Add(id) || !body.TryReadByte(out byte protocol) || !body.TryReadUInt16(out ushort port)
                || !body.TryReadText(TunnelCodec.MaxNameLength, out string name) || !names.Add(name))
            {
                return null;
            }
            // A protocol of a later version is not offered, but does no harm to the others.
            if ((ServiceProtocol)protocol is ServiceProtocol.Tcp or ServiceProtocol.Udp)
                services.Add(new ServiceInfo(id, (ServiceProtocol)protocol, port, name));
        }
        return new TunnelServices(services);
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        if (Services.Count > TunnelCodec.MaxServices)
            throw new InvalidOperationException("More services than an invite holds.");
        writer.WriteVarInt((ulong)Services.Count);
        foreach (ServiceInfo service in Services)
        {
            writer.WriteVarInt(service.Id);
            writer.WriteByte((byte)service.Protocol);
            writer.WriteUInt16(service.HintPort);
            writer.WriteText(service.Name, TunnelCodec.MaxNameLength);
        }
    }
}

/// <summary>The friend's own id and secret, instead of the invite's.</summary>
internal sealed record FriendSecret(InviteId Id, byte[] Secret) : TunnelMessage(TunnelMessageType.FriendSecret)
{
    public static FriendSecret? Read(WireReader body) =>
        body.TryReadUInt64(out ulong id) && body.TryReadArray(Invite.SecretLength, out byte[] secret) ? new FriendSecret(new InviteId(id), secret) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Id.Value);
        writer.WriteBytes(Secret);
    }
}

/// <summary>A flow that the host could not serve.</summary>
internal sealed record ServiceError(ulong ServiceId, ulong FlowId, ServiceErrorCode Code, string Text) : TunnelMessage(TunnelMessageType.ServiceError)
{
    public static ServiceError? Read(WireReader body) =>
        body.TryReadVarInt(out ulong service) && body.TryReadVarInt(out ulong flow) && body.TryReadByte(out byte code)
        && body.TryReadText(TunnelCodec.MaxTextLength, out string text)
            ? new ServiceError(service, flow, (ServiceErrorCode)code, text)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteVarInt(ServiceId);
        writer.WriteVarInt(FlowId);
        writer.WriteByte((byte)Code);
        writer.WriteText(Text, TunnelCodec.MaxTextLength);
    }
}

/// <summary>What the sender knows of the NATs on its way out.</summary>
internal sealed record NatMessage(NatReport Report) : TunnelMessage(TunnelMessageType.Nat)
{
    // What a later version may know better is unknown to us, not wrong.
    public static NatMessage? Read(WireReader body)
    {
        if (!body.TryReadByte(out byte mapping) || !body.TryReadByte(out byte filtering) || !body.TryReadByte(out byte translated)
            || !body.TryReadByte(out byte preserves) || !body.TryReadByte(out byte pooling))
        {
            return null;
        }
        return new NatMessage(new NatReport(
            Enum.IsDefined((NatMapping)mapping) ? (NatMapping)mapping : NatMapping.Unknown,
            Enum.IsDefined((NatFiltering)filtering) ? (NatFiltering)filtering : NatFiltering.Unknown,
            ToFact(translated), ToFact(preserves), ToFact(pooling),
            body.TryReadByte(out byte allocation) && Enum.IsDefined((PortAllocation)allocation) ? (PortAllocation)allocation : PortAllocation.Unknown,
            body.TryReadByte(out byte step) && step <= PortSamples.LargestStep ? step : (byte)0));
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteByte((byte)Report.Mapping);
        writer.WriteByte((byte)Report.Filtering);
        writer.WriteByte(ToByte(Report.IsTranslated));
        writer.WriteByte(ToByte(Report.PreservesPort));
        writer.WriteByte(ToByte(Report.HasPairedPooling));
        writer.WriteByte((byte)Report.Allocation);
        writer.WriteByte(Report.Step);
    }

    private static byte ToByte(bool? fact) => fact switch { null => 0, false => 1, true => 2 };

    private static bool? ToFact(byte value) => value switch { 1 => false, 2 => true, _ => null };
}

/// <summary>How long the sender's NAT keeps the path in use without traffic, as far as it knows.</summary>
/// <param name="Seconds">The longest silence; 0 if it is not known, which takes an earlier word back.</param>
internal sealed record QuietMessage(ushort Seconds) : TunnelMessage(TunnelMessageType.Quiet)
{
    public static QuietMessage? Read(WireReader body) => body.TryReadUInt16(out ushort seconds) ? new QuietMessage(seconds) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt16(Seconds);
}
