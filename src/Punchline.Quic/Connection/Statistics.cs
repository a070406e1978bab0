namespace Punchline.Quic;

/// <summary>Figures of one path.</summary>
/// <param name="IsValidated">The peer answered a challenge on it.</param>
/// <param name="IsMeasured">There is a sample of its round-trip time.</param>
/// <param name="SmoothedRtt">The smoothed round-trip time (RFC 9002 section 5.3); the initial guess before any sample.</param>
/// <param name="MinRtt">The least round-trip time seen.</param>
/// <param name="MaxDatagramSize">The largest QUIC datagram known to pass, in bytes, without the path's own header.</param>
/// <param name="CongestionWindow">In bytes.</param>
/// <param name="BytesInFlight">Sent, counted, and neither acknowledged nor lost.</param>
public readonly record struct PathStatistics(
    bool IsValidated, bool IsMeasured, TimeSpan SmoothedRtt, TimeSpan MinRtt, int MaxDatagramSize, long CongestionWindow, long BytesInFlight);

/// <summary>Figures of one connection since its start.</summary>
public record struct ConnectionStatistics
{
    /// <summary>Packets sent.</summary>
    public ulong PacketsSent { get; set; }

    /// <summary>Packets received that authenticated and were new.</summary>
    public ulong PacketsReceived { get; set; }

    /// <summary>Packets declared lost.</summary>
    public ulong PacketsLost { get; set; }

    /// <summary>Packets dropped: duplicates, no keys, not authentic.</summary>
    public ulong PacketsDropped { get; set; }

    /// <summary>Bytes of datagrams sent, the paths' own headers left out.</summary>
    public ulong BytesSent { get; set; }

    /// <summary>Bytes of packets received that authenticated and were new.</summary>
    public ulong BytesReceived { get; set; }

    /// <summary>DATAGRAM payloads thrown away: received ones that the owner did not read in time, and queued ones that no longer fit the path.</summary>
    public ulong DatagramsDropped { get; set; }
}
