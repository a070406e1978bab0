using System.Net.Sockets;

namespace Punchline.Tunnel;

/// <summary>Why a flow ended: the application error code of RESET_STREAM and STOP_SENDING, and what is reported (docs/wire/tunnel.md).</summary>
internal enum TunnelErrorCode : ulong
{
    /// <summary>In order: both directions came to their end.</summary>
    None = 0x00,

    /// <summary>A stream of a kind that this version does not know, or whose header is broken.</summary>
    UnknownKind = Protocol.StreamHeader.UnknownKindCode,

    /// <summary>The application reset its connection.</summary>
    LocalReset = 0x10,

    /// <summary>Nothing listens at the service's address. This and the next three are 0x10 plus the code of SERVICE_ERROR.</summary>
    NothingListens = 0x11,

    /// <summary>The service's address can't be reached.</summary>
    NotReachable = 0x12,

    /// <summary>The host shares no such service.</summary>
    NoSuchService = 0x13,

    /// <summary>More connections or flows than the bound.</summary>
    TooManyFlows = 0x14,

    /// <summary>The connection to the peer was lost or closed.</summary>
    PeerLost = 0x15,

    /// <summary>No direct path came in time.</summary>
    NoPathInTime = 0x16,
}

/// <summary>From the system's errors to ours.</summary>
internal static class TunnelErrors
{
    /// <summary>What a failed connect to a service means.</summary>
    public static TunnelErrorCode OfConnect(SocketError error) =>
        error is SocketError.ConnectionRefused or SocketError.ConnectionReset ? TunnelErrorCode.NothingListens : TunnelErrorCode.NotReachable;
}
