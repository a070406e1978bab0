using System.Runtime.CompilerServices;

namespace Punchline.Quic.Recovery;

/// <summary>
/// All that recovery knows of one path: round-trip time, congestion controller, pacer and ECN are its own, and its packets are
/// compared with each other alone. Otherwise a move from a long path to a short one would look like loss.
/// </summary>
internal class RecoveryPath
{
    /// <summary>
    /// So many packets of one path may be in flight, however small they are: it bounds what is remembered of them.
    /// 1,200-byte packets in the largest window do not reach it.
    /// </summary>
    public const int MaxPacketsInFlight = 1 << 16;

    /// <summary>The share of the window that must be in flight for the window to grow: below it something else is the limit.</summary>
    private const int UsedWindowDivisor = 2;

    private Spaces _spaces;

    /// <summary>A path of which nothing is known yet.</summary>
    /// <param name="maxDatagramSize">Bytes of UDP payload.</param>
    /// <param name="initialRtt">What to assume before a sample, for instance from path validation (RFC 9002 section 6.2.2).</param>
    public RecoveryPath(int maxDatagramSize, TimeSpan? initialRtt = null)
        : this(maxDatagramSize, initialRtt ?? RttEstimator.DefaultInitial, new CubicController(maxDatagramSize))
    {
    }

    /// <summary>A path with a congestion controller of the caller's choice.</summary>
    public RecoveryPath(int maxDatagramSize, TimeSpan initialRtt, ICongestionController congestion)
    {
        MaxDatagramSize = maxDatagramSize;
        Rtt = new RttEstimator(initialRtt);
        Congestion = congestion;
        Pacer = new Pacer(maxDatagramSize, congestion.Window, initialRtt);
    }

    /// <summary>The path's datagram size in bytes of UDP payload.</summary>
    public int MaxDatagramSize { get; private set; }

    /// <summary>The path's round-trip time.</summary>
    public RttEstimator Rtt { get; }

    /// <summary>The path's congestion controller.</summary>
    public ICongestionController Congestion { get; }

    /// <summary>The path's pacer. The loss detector tells it what leaves and how window and round-trip time change.</summary>
    public Pacer Pacer { get; }

    /// <summary>Whether the path's packets may carry ECT(0).</summary>
    public EcnValidator Ecn { get; } = new();

    /// <summary>Bytes sent on this path and neither acknowledged nor lost.</summary>
    public long BytesInFlight { get; internal set; }

    /// <summary>Packets sent on this path and neither acknowledged nor lost.</summary>
    public int PacketsInFlight { get; internal set; }

    /// <summary>The connection has moved away; see <see cref="LossDetector.AbandonPath"/>.</summary>
    public bool IsAbandoned { get; internal set; }

    /// <summary>
    /// The anti-amplification limit forbids to send on this path: no probe timeout is armed for it (RFC 9002 section 6.2.2.1).
    /// The connection keeps the credit and sets this.
    /// </summary>
    public bool IsAmplificationBlocked { get; set; }

    /// <summary>
    /// Set by the connection when it had nothing more to send although window and pacer let it; cleared when one of them held it
    /// back. The window does not grow meanwhile (RFC 9002 section 7.8). While nobody sets it, a half-used window decides.
    /// </summary>
    public bool IsApplicationLimited { get; set; }

    /// <summary>Whatever the connection wants to find again.</summary>
    public object? Owner { get; set; }

    /// <summary>
    /// Since when packets of the connection itself are on their way and nothing on this path was acknowledged; null if none is. Unlike the probe timeout,
    /// which each further packet begins anew (RFC 9002 section 6.2.1), it passes also while more is sent.
    /// </summary>
    public Instant? WaitingSince => Space(PacketNumberSpace.Application) is { ArmedPackets: > 0 } on ? on.WaitingSince : null;

    /// <summary>True if the congestion window leaves room for so many bytes (RFC 9002 section 7).</summary>
    public bool CanSend(int bytes) => BytesInFlight + bytes <= Congestion.Window && PacketsInFlight < MaxPacketsInFlight;

    /// <summary>The path carries datagrams of another size now (RFC 9002 section 7.2).</summary>
    public void OnDatagramSizeChanged(int maxDatagramSize)
    {
        MaxDatagramSize = maxDatagramSize;
        Congestion.OnDatagramSizeChanged(maxDatagramSize);
        UpdatePacer();
    }

    /// <summary>Packets of this path in any space whose fate is open.</summary>
    internal int OpenPackets { get; set; }

    /// <summary>On an abandoned path: how long after its sending a packet is given up.</summary>
    internal TimeSpan GiveUpAfter { get; set; }

    /// <summary>What one ACK frame or timeout does to this path, gathered while it is processed.</summary>
    internal PathPass Pass;

    /// <summary>What this path has in a space.</summary>
    internal ref PathSpace Space(PacketNumberSpace space) => ref _spaces[(int)space];

    /// <summary>True if the window was used when these bytes were in flight.</summary>
    internal bool UsesWindow(long bytesInFlight) =>
        !IsApplicationLimited && bytesInFlight * UsedWindowDivisor >= Congestion.Window;

    internal void UpdatePacer() => Pacer.OnWindowOrRttChanged(Congestion.Window, Rtt.Smoothed, Congestion.InSlowStart);

    [InlineArray(3)]
    private struct Spaces
    {
        private PathSpace _first;
    }
}

/// <summary>What one path has in one packet number space.</summary>
internal struct PathSpace
{
    /// <summary>The place of the latest packet among those of this path; the first has 1.</summary>
    public ulong LastSequence;

    /// <summary>The place of the latest sent packet that was acknowledged; 0 if none was.</summary>
    public ulong LargestAcked;

    /// <summary>No packet of this path below this number is open.</summary>
    public ulong ScanFrom;

    /// <summary>How many open packets arm the probe timeout.</summary>
    public int ArmedPackets;

    /// <summary>While there are such: when the first of them left, or the latest acknowledgement of anything on this path came since.</summary>
    public Instant WaitingSince;

    /// <summary>When the latest packet left that arms the probe timeout (RFC 9002 appendix A.3).</summary>
    public Instant LastArmedAt;

    /// <summary>When the next packet may be lost by time, or is given up because the path is abandoned; null if no timer is needed.</summary>
    public Instant? LossTime;

    /// <summary>The run of lost packets.</summary>
    public PersistentCongestion Persistent;
}

/// <summary>What one ACK frame or timeout does to one path.</summary>
internal struct PathPass
{
    /// <summary>The path is among those of the pass.</summary>
    public bool IsTouched;

    /// <summary>Bytes in flight before the pass.</summary>
    public long BytesInFlightBefore;

    /// <summary>The window was used before the pass.</summary>
    public bool WindowUsed;

    /// <summary>Newly acknowledged packets that carried ECT(0).</summary>
    public int MarkedAcked;

    /// <summary>When the latest packet was sent whose loss is a sign of congestion; null if there is none.</summary>
    public Instant? LatestLoss;
}
