using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What one side's trace says of 0-RTT, and of the parameters that it received.</summary>
internal sealed class EarlyTrace : ITrace
{
    /// <summary>Everything, in its order.</summary>
    internal List<string> Lines { get; } = [];

    /// <summary>The numbers of the 0-RTT packets that were sent.</summary>
    internal List<ulong> Numbers { get; } = [];

    /// <summary>The peer's transport parameters as they came last.</summary>
    internal byte[] Parameters { get; private set; } = [];

    /// <summary>What the first Handshake packet that was sent carried.</summary>
    internal byte[] Handshake { get; private set; } = [];

    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        if (traceEvent is { Kind: TraceKind.Parameters, Text: "remote" })
            Parameters = content.ToArray();
        if (traceEvent is { Kind: TraceKind.PacketSent, Space: PacketNumberSpace.Handshake } && Handshake.Length == 0)
            Handshake = content.ToArray();
        if (!traceEvent.IsEarly)
            return;
        Lines.Add($"{traceEvent.Kind} {traceEvent.Text}");
        if (traceEvent.Kind == TraceKind.PacketSent)
            Numbers.Add(traceEvent.Number);
    }
}
