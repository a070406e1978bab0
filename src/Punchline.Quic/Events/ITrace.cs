namespace Punchline.Quic;

/// <summary>
/// Takes what happens inside connections, for logs and tests. Called synchronously; must not call back, except to read figures
/// of the connection.
/// </summary>
public interface ITrace
{
    /// <summary>One thing happened.</summary>
    /// <param name="connection">To which connection.</param>
    /// <param name="traceEvent">What.</param>
    /// <param name="content">
    /// Of a packet sent or received its frames in clear, of transport parameters their encoding (RFC 9000 section 18), else nothing.
    /// It is the connection's own memory: what is to outlive the call must be copied.
    /// </param>
    void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content);
}

/// <summary>What kind of thing happened.</summary>
public enum TraceKind : byte
{
    /// <summary>A packet was sealed.</summary>
    PacketSent,

    /// <summary>A packet authenticated and was new.</summary>
    PacketReceived,

    /// <summary>A packet was dropped; <see cref="TraceEvent.Text"/> says why.</summary>
    PacketDropped,

    /// <summary>A sent packet was declared lost.</summary>
    PacketLost,

    /// <summary>A probe timeout ran out; <see cref="TraceEvent.Number"/> is how many in a row.</summary>
    ProbeTimeout,

    /// <summary>A path changed its state; <see cref="TraceEvent.Text"/> is the new one.</summary>
    Path,

    /// <summary>Keys were installed, updated or discarded.</summary>
    Keys,

    /// <summary>The connection's state changed: <c>started</c>, <c>early data rejected</c>, <c>established</c>, <c>confirmed</c>, <c>closed</c>, <c>ended</c>.</summary>
    State,

    /// <summary>Transport parameters are known; <see cref="TraceEvent.Text"/> says whose, <c>local</c> or <c>remote</c>.</summary>
    Parameters,

    /// <summary>An acknowledgement has changed a path's figures, which <see cref="QuicConnection.TryGetPathStatistics"/> has.</summary>
    Recovery,
}

/// <summary>One thing that happened; a plain value.</summary>
/// <param name="Kind">What.</param>
/// <param name="At">When.</param>
/// <param name="IsClient">On which side.</param>
/// <param name="Space">The packet's number space.</param>
/// <param name="Number">The packet's number, or a count.</param>
/// <param name="Size">The packet's size in bytes.</param>
/// <param name="Path">The path concerned.</param>
/// <param name="Text">A fixed text.</param>
public readonly record struct TraceEvent(
    TraceKind Kind, Instant At, bool IsClient, PacketNumberSpace Space, ulong Number, int Size, NetworkPath? Path, string? Text)
{
    /// <summary>Of packets and keys: they are those of 0-RTT, which shares the application's space (RFC 9000 section 12.3).</summary>
    public bool IsEarly { get; init; }
}
