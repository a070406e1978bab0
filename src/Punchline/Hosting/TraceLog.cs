using Microsoft.Extensions.Logging;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>What the core tells, packet by packet, as lines of the log; at the level Trace, which nobody has on by accident.</summary>
internal sealed class TraceLog : ITrace
{
    private readonly ILogger _logger;

    private TraceLog(ILogger logger) => _logger = logger;

    /// <summary>An adapter, or null if the log does not take the level now: then the core makes nothing of it at all.</summary>
    public static ITrace? For(ILogger logger) => logger.IsEnabled(LogLevel.Trace) ? new TraceLog(logger) : null;

    /// <inheritdoc/>
    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content) => HostingLog.Traced(_logger, traceEvent);
}
