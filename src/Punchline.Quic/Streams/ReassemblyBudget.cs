namespace Punchline.Quic.Streams;

/// <summary>
/// How many separate pieces received data may lie in (RFC 9000 section 21.7, stream fragmentation): the bytes
/// themselves are bounded by flow control, the bookkeeping for the gaps between them is bounded here.
/// </summary>
internal sealed class ReassemblyBudget
{
    /// <summary>
    /// Pieces of one stream. The largest window holds about 7,000 full packets, so even the loss of every
    /// other one stays below; only deliberately tiny frames come here. 64 KiB of memory at most.
    /// </summary>
    public const int MaxRangesPerStream = 4096;

    /// <summary>Pieces over all streams of a connection: the connection's window at the same loss, with room. 256 KiB of memory.</summary>
    public const int MaxRangesTotal = 16384;

    /// <summary>Pieces that the connection has now.</summary>
    public int Ranges { get; private set; }

    /// <summary>True while all is within its bounds.</summary>
    public bool Holds => Ranges <= MaxRangesTotal;

    /// <summary>Counts a change of a stream's pieces.</summary>
    public void Change(int difference) => Ranges += difference;
}
