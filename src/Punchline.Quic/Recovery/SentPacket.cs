namespace Punchline.Quic.Recovery;

/// <summary>What loss recovery must know of a packet beside its size.</summary>
[Flags]
internal enum SentPacketFlags : byte
{
    /// <summary>Only ACK, PADDING or CONNECTION_CLOSE without PADDING: tracked, but not in flight.</summary>
    None = 0,

    /// <summary>The peer must acknowledge it (RFC 9000 section 13.2).</summary>
    AckEliciting = 1,

    /// <summary>Counts towards the path's bytes in flight (RFC 9002 section 2).</summary>
    InFlight = 2,

    /// <summary>Probes a path: no probe timeout is armed for it, and one that is never answered is no sign of congestion.</summary>
    Probe = 4,

    /// <summary>Probes the path's MTU: its loss is no sign of congestion (RFC 9000 section 14.4).</summary>
    MtuProbe = 8,

    /// <summary>Left with ECT(0) in its IP header.</summary>
    EcnMarked = 16,
}

/// <summary>A packet that was sent, as those hear of it who wait for its fate.</summary>
/// <param name="number">The packet number.</param>
/// <param name="sentAt">When it left.</param>
/// <param name="size">Bytes of UDP payload.</param>
/// <param name="path">The path that it took.</param>
/// <param name="flags">What it means to loss recovery.</param>
internal readonly struct SentPacket(ulong number, Instant sentAt, int size, RecoveryPath path, SentPacketFlags flags)
{
    /// <summary>The packet number.</summary>
    public ulong Number { get; } = number;

    /// <summary>When it left.</summary>
    public Instant SentAt { get; } = sentAt;

    /// <summary>Bytes of UDP payload.</summary>
    public int Size { get; } = size;

    /// <summary>The path that it took.</summary>
    public RecoveryPath Path { get; } = path;

    /// <summary>What it means to loss recovery.</summary>
    public SentPacketFlags Flags { get; } = flags;

    /// <summary>The peer must acknowledge it.</summary>
    public bool IsAckEliciting => Has(SentPacketFlags.AckEliciting);

    /// <summary>It counts towards the path's bytes in flight.</summary>
    public bool IsInFlight => Has(SentPacketFlags.InFlight);

    /// <summary>It probes a path.</summary>
    public bool IsProbe => Has(SentPacketFlags.Probe);

    /// <summary>It probes the path's MTU.</summary>
    public bool IsMtuProbe => Has(SentPacketFlags.MtuProbe);

    /// <summary>It left with ECT(0).</summary>
    public bool IsEcnMarked => Has(SentPacketFlags.EcnMarked);

    /// <summary>A probe timeout is armed for it: it elicits an acknowledgement and does not probe a path.</summary>
    public bool ArmsTimer => IsAckEliciting && IsInFlight && !IsProbe;

    private bool Has(SentPacketFlags flag) => (Flags & flag) == flag;
}

/// <summary>What becomes of sent packets. Called while an ACK frame or a timeout is processed; it must not send from within.</summary>
internal interface ILossHandler
{
    /// <summary>The peer has the packet.</summary>
    /// <param name="frames">What it held; valid during the call.</param>
    void OnPacketAcked(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames);

    /// <summary>The packet counts as lost. No acknowledgement of it is reported later.</summary>
    /// <param name="frames">What it held; valid during the call.</param>
    void OnPacketLost(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames);
}
