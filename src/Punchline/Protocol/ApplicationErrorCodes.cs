namespace Punchline.Protocol;

// Every application error code of ours (RFC 9000 section 20.2), in the table of docs/wire/tunnel.md: those of a connection's end, those
// of a stream's, and those that SERVICE_ERROR names. The first two are number spaces of their own that do not overlap but for 0.

/// <summary>Why a connection was closed: the code of CONNECTION_CLOSE (type 0x1d).</summary>
internal enum CloseCode : ulong
{
    /// <summary>Without a reason: an attempt was given up.</summary>
    None = 0x00,

    /// <summary>A mistake of the program that closes.</summary>
    Internal = 0x01,

    /// <summary>A critical message is not known: who closes is too old.</summary>
    NewerNeeded = 0x02,

    /// <summary>The control stream is not well formed, or has ended.</summary>
    Malformed = 0x04,

    /// <summary>Stopped by its user.</summary>
    Stopped = 0x20,

    /// <summary>The invite has ended.</summary>
    InviteRevoked = 0x22,

    /// <summary>Another connection between the same two is in use.</summary>
    Replaced = 0x24,

    /// <summary>No way to the peer is left.</summary>
    NoPath = 0x25,
}

/// <summary>Why a flow ended: the code of RESET_STREAM and STOP_SENDING, and what is reported.</summary>
internal enum TunnelErrorCode : ulong
{
    /// <summary>In order: both directions came to their end.</summary>
    None = 0x00,

    /// <summary>A stream of a kind that this version does not know, or whose header is broken.</summary>
    UnknownKind = 0x03,

    /// <summary>The application reset its connection.</summary>
    LocalReset = 0x10,

    /// <summary>Nothing listens at the service's address.</summary>
    NothingListens = 0x11,

    /// <summary>The service's address can't be reached.</summary>
    NotReachable = 0x12,

    /// <summary>The host shares no such service.</summary>
    NoSuchService = 0x13,

    /// <summary>More connections or flows than the bound.</summary>
    TooManyFlows = 0x14,

    /// <summary>The connection to the peer was lost or closed.</summary>
    PeerLost = 0x15,

    /// <summary>No direct path came in time. In reports alone: such a flow never had a stream.</summary>
    NoPathInTime = 0x16,
}

/// <summary>Why a host could not serve a flow: the code of SERVICE_ERROR.</summary>
internal enum ServiceErrorCode : byte
{
    NothingListens = 1,
    NotReachable = 2,
    NoSuchService = 3,
    TooManyFlows = 4,
}

/// <summary>From one kind of code to another.</summary>
internal static class ApplicationErrorCodes
{
    /// <summary>The code with which the stream of a flow is reset that could not be served.</summary>
    /// <param name="code">One of ours; what a peer sent may be another.</param>
    public static TunnelErrorCode ToTunnelError(this ServiceErrorCode code) => code switch
    {
        ServiceErrorCode.NothingListens => TunnelErrorCode.NothingListens,
        ServiceErrorCode.NotReachable => TunnelErrorCode.NotReachable,
        ServiceErrorCode.NoSuchService => TunnelErrorCode.NoSuchService,
        ServiceErrorCode.TooManyFlows => TunnelErrorCode.TooManyFlows,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "No code of ours."),
    };
}
