using Microsoft.Extensions.Logging;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>Every line that hosts and clients log. What people should know are events; this is for whoever embeds the library.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(101, LogLevel.Error, "the owner of the connection with {Peer} failed; the connection is closed")]
    public static partial void HandlerFailed(ILogger logger, string peer, Exception error);

    [LoggerMessage(102, LogLevel.Error, "{Work} failed on the driver thread")]
    public static partial void WorkFailed(ILogger logger, string work, Exception error);

    [LoggerMessage(103, LogLevel.Critical, "the driver thread failed; all its connections are gone")]
    public static partial void LoopFailed(ILogger logger, Exception error);

    [LoggerMessage(104, LogLevel.Debug, "no way from {Local} to {Remote}")]
    public static partial void Unreachable(ILogger logger, UdpAddress local, UdpAddress remote);

    [LoggerMessage(105, LogLevel.Debug, "{Server}: {Reason}")]
    public static partial void ServerFailed(ILogger logger, string server, string reason);

    [LoggerMessage(106, LogLevel.Information, "registered at {Server}")]
    public static partial void Registered(ILogger logger, string server);

    [LoggerMessage(107, LogLevel.Information, "{Peer} joined")]
    public static partial void Joined(ILogger logger, string peer);

    [LoggerMessage(108, LogLevel.Information, "{Peer} left: {Reason}")]
    public static partial void Left(ILogger logger, string peer, string reason);

    [LoggerMessage(109, LogLevel.Information, "{Peer}: data takes the path {Path}")]
    public static partial void PathTaken(ILogger logger, string peer, NetworkPath path);

    [LoggerMessage(110, LogLevel.Information, "{Why}: looking again at every path")]
    public static partial void LookingAgain(ILogger logger, string why);

    [LoggerMessage(112, LogLevel.Error, "port mapping failed; no port is mapped from now on")]
    public static partial void PortMapperFailed(ILogger logger, Exception error);

    [LoggerMessage(111, LogLevel.Trace, "{Event}")]
    public static partial void Traced(ILogger logger, TraceEvent @event);
}

/// <summary>The driver's faults, as lines of the log.</summary>
internal sealed class EndpointLog(ILogger logger) : IEndpointLog
{
    /// <inheritdoc/>
    public void HandlerFailed(EndpointConnection connection, Exception exception) =>
        HostingLog.HandlerFailed(logger, PeerName.Of(connection.PeerId.Span), exception);

    /// <inheritdoc/>
    public void WorkFailed(object work, Exception exception) => HostingLog.WorkFailed(logger, work.GetType().Name, exception);

    /// <inheritdoc/>
    public void LoopFailed(Exception exception) => HostingLog.LoopFailed(logger, exception);

    /// <inheritdoc/>
    public void Unreachable(IUdpSocket socket, UdpAddress remote) => HostingLog.Unreachable(logger, socket.LocalAddress, remote);
}
