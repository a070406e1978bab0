using Microsoft.Extensions.Logging;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server;

/// <summary>Every line that the server logs (docs/operate.md). Invite ids, names of programs beyond their version, and traffic are never among them.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "listening at port {Port} (TCP and UDP), STUN also at {Alternate}")]
    public static partial void Listening(ILogger logger, int port, int alternate);

    [LoggerMessage(2, LogLevel.Warning, "any host may register: no host password is set")]
    public static partial void NoPassword(ILogger logger);

    [LoggerMessage(3, LogLevel.Information, "host {HostId} registered from {Remote}, version {Version}")]
    public static partial void HostRegistered(ILogger logger, string hostId, UdpAddress remote, string version);

    [LoggerMessage(4, LogLevel.Information, "host {HostId} from {Remote} left")]
    public static partial void HostLeft(ILogger logger, string hostId, UdpAddress remote);

    [LoggerMessage(5, LogLevel.Debug, "{Remote} was refused: {Error}")]
    public static partial void Refused(ILogger logger, UdpAddress remote, ControlError error);

    // The id as it goes into the list, where the host is one that belongs there.
    [LoggerMessage(8, LogLevel.Information, "host {HostId} is not on the list")]
    public static partial void HostNotListed(ILogger logger, string hostId);

    [LoggerMessage(6, LogLevel.Information, "stopping: peers are told")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(7, LogLevel.Critical, "the UDP loop failed")]
    public static partial void UdpLoopFailed(ILogger logger, Exception error);

    [LoggerMessage(9, LogLevel.Information, "the renewed certificate is in use")]
    public static partial void CertificateRenewed(ILogger logger);

    [LoggerMessage(10, LogLevel.Warning, "the certificate has changed and cannot be read, so the former one stays: {Reason}")]
    public static partial void CertificateNotRenewed(ILogger logger, string reason);
}
