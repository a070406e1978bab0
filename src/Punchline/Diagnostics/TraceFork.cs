using Punchline.Quic;

namespace Punchline.Diagnostics;

/// <summary>Tells two receivers.</summary>
internal sealed class TraceFork : ITrace
{
    private readonly ITrace _first;
    private readonly ITrace _second;

    private TraceFork(ITrace first, ITrace second)
    {
        _first = first;
        _second = second;
    }

    /// <summary>Both, the one that there is, or null: then the core makes nothing of it at all.</summary>
    public static ITrace? Of(ITrace? first, ITrace? second) =>
        first is null ? second : second is null ? first : new TraceFork(first, second);

    /// <inheritdoc/>
    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        _first.Record(connection, traceEvent, content);
        _second.Record(connection, traceEvent, content);
    }
}
