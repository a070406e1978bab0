using Punchline.Quic.Wire;

namespace Punchline.Quic.Recovery;

/// <summary>What the loss detector keeps of one packet number space.</summary>
internal sealed class RecoverySpace(PacketNumberSpace id)
{
    /// <summary>
    /// So many skipped numbers are remembered. An optimistic acknowledger acknowledges what has not arrived yet, so the latest few
    /// catch it (RFC 9000 section 21.4).
    /// </summary>
    private const int MaxSkipped = 16;

    private readonly ulong[] _skipped = new ulong[MaxSkipped];
    private int _skippedCount;

    /// <summary>Feedback on ECN.</summary>
    public EcnFeedback Ecn;

    /// <summary>Which space it is.</summary>
    public PacketNumberSpace Id { get; } = id;

    /// <summary>The packets whose fate is open.</summary>
    public SentPacketStore Sent { get; } = new();

    /// <summary>The largest number that the peer acknowledged.</summary>
    public ulong? LargestAcked { get; set; }

    /// <summary>How many open packets, on all paths, arm the probe timeout.</summary>
    public int ArmedPackets { get; set; }

    /// <summary>How many probe packets are due.</summary>
    public int ProbesDue { get; set; }

    /// <summary>Remembers a number that will never be sent.</summary>
    public void Skip(ulong number)
    {
        if (number < Sent.Next)
            throw new ArgumentOutOfRangeException(nameof(number), "This number has been used.");
        while (Sent.Next <= number)
            Sent.Skip();
        _skipped[_skippedCount++ % MaxSkipped] = number;
    }

    /// <summary>True if the frame acknowledges a number that was skipped.</summary>
    public bool AcknowledgesSkipped(in AckFrame ack)
    {
        ReadOnlySpan<ulong> skipped = _skipped.AsSpan(0, Math.Min(_skippedCount, MaxSkipped));
        if (skipped.IsEmpty)
            return false;
        ulong lowest = ulong.MaxValue;
        foreach (ulong number in skipped)
            lowest = Math.Min(lowest, number);
        foreach (PacketRange range in ack)
        {
            if (range.Largest < lowest)
                return false;
            foreach (ulong number in skipped)
            {
                if (number >= range.Smallest && number <= range.Largest)
                    return true;
            }
        }
        return false;
    }
}
