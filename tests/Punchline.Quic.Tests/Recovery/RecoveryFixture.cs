using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>A loss detector with a clock, a path, and a record of what became of each packet.</summary>
internal sealed class RecoveryFixture : ILossHandler
{
    public const int Size = 1200;
    public const SentPacketFlags Data = SentPacketFlags.AckEliciting | SentPacketFlags.InFlight;
    public const PacketNumberSpace Initial = PacketNumberSpace.Initial;
    public const PacketNumberSpace Handshake = PacketNumberSpace.Handshake;
    public const PacketNumberSpace App = PacketNumberSpace.Application;

    private readonly ulong[] _next = new ulong[3];
    private readonly HashSet<(PacketNumberSpace, ulong)> _settled = [];

    public RecoveryFixture(bool isServer = false, bool confirmed = true, ICongestionController? congestion = null)
    {
        Detector = new LossDetector(isServer) { HandshakeConfirmed = confirmed };
        Path = congestion is null ? new RecoveryPath(Size) : new RecoveryPath(Size, RttEstimator.DefaultInitial, congestion);
    }

    public LossDetector Detector { get; }

    public RecoveryPath Path { get; set; }

    public Instant Now { get; set; } = Instant.Zero + TimeSpan.FromSeconds(1);

    public List<ulong> Acked { get; } = [];

    public List<ulong> Lost { get; } = [];

    public List<SentFrame> LostFrames { get; } = [];

    public List<SentFrame> AckedFrames { get; } = [];

    public static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    public void Wait(double milliseconds) => Now += Ms(milliseconds);

    public ulong Send(
        RecoveryPath? path = null, SentPacketFlags flags = Data, PacketNumberSpace space = App, int size = Size, params SentFrame[] frames)
    {
        ulong pn = _next[(int)space]++;
        Detector.OnPacketSent(space, pn, Now, size, path ?? Path, flags, frames);
        return pn;
    }

    public void SendMany(int count, RecoveryPath? path = null, double everyMs = 0)
    {
        for (int i = 0; i < count; i++)
        {
            Send(path);
            Wait(everyMs);
        }
    }

    public void Skip(PacketNumberSpace space = App) => Detector.OnPacketNumberSkipped(space, _next[(int)space]++);

    /// <summary>An ACK of one range that must be accepted.</summary>
    public void Ack(
        ulong smallest, ulong largest, PacketNumberSpace space = App, RecoveryPath? on = null, double delayMs = 0, EcnCounts? ecn = null) =>
        Assert.Null(TryAck([new PacketRange(smallest, largest)], space, on ?? Path, delayMs, ecn));

    public void AckRanges(params PacketRange[] descending) => Assert.Null(TryAck(descending, App, Path, 0, null));

    public QuicError? TryAck(
        ReadOnlySpan<PacketRange> descending, PacketNumberSpace space, RecoveryPath? on, double delayMs = 0, EcnCounts? ecn = null)
    {
        Span<byte> buffer = stackalloc byte[4096];
        var writer = new WireWriter(buffer);
        Assert.True(AckFrame.TryWrite(ref writer, descending, 0, ecn));
        var reader = new WireReader(writer.Written);
        Assert.True(reader.TryReadVarInt(out ulong type));
        Assert.True(AckFrame.TryRead(ref reader, type, out AckFrame frame));
        return Detector.OnAckReceived(space, frame, Ms(delayMs), on, Now, this);
    }

    /// <summary>Lets the timer fire when it is due.</summary>
    public LossTimerResult RunTimer()
    {
        Assert.True(Detector.NextTimeout.IsSet, "A timer must be set.");
        Now = Instant.Max(Now, Detector.NextTimeout);
        return Detector.OnTimeout(Now, this);
    }

    public void OnPacketAcked(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
    {
        Assert.True(_settled.Add((space, packet.Number)), "The fate of a packet is reported once.");
        Acked.Add(packet.Number);
        AckedFrames.AddRange(frames);
    }

    public void OnPacketLost(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
    {
        Assert.True(_settled.Add((space, packet.Number)), "The fate of a packet is reported once.");
        Lost.Add(packet.Number);
        LostFrames.AddRange(frames);
    }

    /// <summary>Gives a path this round-trip time, with no packet left in flight.</summary>
    public void Sample(double rttMs, RecoveryPath? path = null)
    {
        ulong pn = Send(path);
        Wait(rttMs);
        Ack(pn, pn, on: path);
        Acked.Clear();
    }
}

/// <summary>A congestion controller that only writes down what it is told.</summary>
internal sealed class RecordingController : ICongestionController
{
    public long Window { get; set; } = 1_000_000;

    public bool InSlowStart => false;

    public List<(Instant Now, Instant SentAt, bool IsEcn)> Events { get; } = [];

    public List<(ulong Number, long InFlightBefore, bool ApplicationLimited)> Acks { get; } = [];

    public int PersistentCongestions { get; private set; }

    public void OnPacketSent(Instant now, ulong pn, int bytes, long bytesInFlightAfter)
    {
    }

    public void OnPacketAcked(
        Instant now, ulong pn, int bytes, Instant sentAt, RttEstimator rtt, long bytesInFlightBefore, bool applicationLimited) =>
        Acks.Add((pn, bytesInFlightBefore, applicationLimited));

    public void OnCongestionEvent(Instant now, Instant sentAt, bool isEcn) => Events.Add((now, sentAt, isEcn));

    public void OnPersistentCongestion(Instant now) => PersistentCongestions++;

    public void OnDatagramSizeChanged(int maxDatagramSize)
    {
    }
}
