using Punchline.Invites;
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
}

/// <summary>Why a flow could not be served.</summary>
internal enum ServiceErrorCode : byte
{
    NothingListens = 1,
    NotReachable = 2,
    NoSuchService = 3,
    TooManyFlows = 4,
}

/// <summary>A message of the control stream: the first bidirectional stream of a connection (docs/wire/tunnel.md).</summary>
internal abstract record TunnelMessage;

/// <summary>Comes first, from both sides.</summary>
internal sealed record TunnelHello(ulong Features, string ProgramVersion) : TunnelMessage;

/// <summary>What the host shares.</summary>
internal sealed record TunnelServices(IReadOnlyList<ServiceInfo> Services) : TunnelMessage;

/// <summary>One service, without its address.</summary>
internal readonly record struct ServiceInfo(ulong Id, ServiceProtocol Protocol, ushort HintPort, string Name);

/// <summary>The friend's own id and secret, instead of the invite's.</summary>
internal sealed record FriendSecret(InviteId Id, byte[] Secret) : TunnelMessage;

/// <summary>A flow that the host could not serve.</summary>
internal sealed record ServiceError(ulong ServiceId, ulong FlowId, ServiceErrorCode Code, string Text) : TunnelMessage;

/// <summary>What the sender knows of the NATs on its way out.</summary>
internal sealed record NatMessage(NatReport Report) : TunnelMessage;
