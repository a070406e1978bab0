namespace Punchline.Quic.Recovery;

/// <summary>What is known of a path's treatment of ECN marks (RFC 9000 appendix A.4).</summary>
internal enum EcnState : byte
{
    /// <summary>The first packets are marked, to see what becomes of them.</summary>
    Testing,

    /// <summary>The test packets have left; no mark goes out until their counts come back.</summary>
    Unknown,

    /// <summary>The counts were right: every packet may be marked.</summary>
    Capable,

    /// <summary>Marks are altered, dropped or not reported: none goes out any more.</summary>
    Failed,
}

/// <summary>Whether packets of one path may carry ECT(0) (RFC 9000 section 13.4.2).</summary>
internal sealed class EcnValidator
{
    /// <summary>How many packets are marked before the first counts are seen (RFC 9000 section 13.4.2).</summary>
    public const int TestPackets = 10;

    private long _markedSent;
    private long _markedLost;

    /// <summary>What is known.</summary>
    public EcnState State { get; private set; }

    /// <summary>True if the next packet may carry ECT(0).</summary>
    public bool MayMark => State is EcnState.Testing or EcnState.Capable;

    /// <summary>A marked packet left.</summary>
    public void OnMarkedSent()
    {
        _markedSent++;
        if (State == EcnState.Testing && _markedSent >= TestPackets)
            State = EcnState.Unknown;
    }

    /// <summary>A marked packet was lost. If all of them are, the marks may be the reason.</summary>
    public void OnMarkedLost()
    {
        _markedLost++;
        if (State == EcnState.Unknown && _markedLost >= _markedSent)
            State = EcnState.Failed;
    }

    /// <summary>Marked packets were acknowledged with counts that fit.</summary>
    public void OnValidated()
    {
        if (State != EcnState.Failed)
            State = EcnState.Capable;
    }

    /// <summary>The counts do not fit, or are missing.</summary>
    public void OnFailed() => State = EcnState.Failed;
}
