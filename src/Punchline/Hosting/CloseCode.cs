using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>The application error codes with which a connection is closed (docs/wire/tunnel.md).</summary>
internal enum CloseCode : ulong
{
    /// <summary>Without a reason.</summary>
    None = 0,

    /// <summary>A mistake of the program that closes.</summary>
    Internal = Endpoint.EndpointLimits.InternalErrorCode,

    /// <summary>A critical message is not known: who closes is too old.</summary>
    NewerNeeded = TunnelCodec.NewerNeededCode,

    /// <summary>The control stream is not well formed.</summary>
    Malformed = 0x04,

    /// <summary>Stopped by its user.</summary>
    Stopped = 0x20,

    /// <summary>The invite was revoked.</summary>
    InviteRevoked = 0x22,

    /// <summary>Another connection between the same two is in use.</summary>
    Replaced = 0x24,

    /// <summary>No way to the peer is left.</summary>
    NoPath = 0x25,
}

/// <summary>Why a connection ended, in a few words for people.</summary>
internal static class CloseText
{
    /// <summary>The end of "NAME left: …".</summary>
    public static string Of(QuicError error)
    {
        if (!error.IsApplication)
        {
            return error.Code == (ulong)TransportErrorCode.NoError
                ? error.IsRemote ? "it was restarted" : "it does not answer any more"
                : error.ToString();
        }
        return (CloseCode)error.Code switch
        {
            CloseCode.Stopped => error.IsRemote ? "it was stopped" : "stopped here",
            CloseCode.InviteRevoked => "its invite was replaced",
            CloseCode.Replaced => "it has a newer connection",
            CloseCode.NoPath => "no way to it is left",
            CloseCode.NewerNeeded => error.IsRemote ? "its version is too old" : "this version is too old",
            _ => error.ToString(),
        };
    }
}
