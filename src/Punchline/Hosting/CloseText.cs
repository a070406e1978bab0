using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Hosting;

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
