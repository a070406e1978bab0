using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <summary>
/// One QUIC version 1 connection as a state machine: datagrams and the time go in, datagrams, deadlines and events come out.
/// </summary>
/// <remarks>
/// <para>Not thread-safe: one driver makes every call. The contract: after any call that may have changed something
/// (a datagram through <see cref="QuicEndpoint.Receive"/>, <see cref="OnTimeout"/>, a stream or path call) the driver</para>
/// <list type="number">
/// <item>takes events with <see cref="TryReadEvent"/> until there is none,</item>
/// <item>sends what <see cref="TryTransmit"/> writes until it returns false,</item>
/// <item>reads <see cref="NextTimeout"/> and calls <see cref="OnTimeout"/> when that time has come.</item>
/// </list>
/// <para>The files: this one holds the state and what the owner calls; <c>.Handshake</c> pumps TLS and keys, <c>.Receive</c>
/// takes packets apart, <c>.Frames</c> acts on frames, <c>.Transmit</c> builds packets, <c>.Paths</c> knows the paths and chooses,
/// <c>.Probing</c> finds out about them, <c>.Candidates</c> speaks of addresses, <c>.Resumption</c> comes back without certificates,
/// <c>.Timers</c> looks after time.</para>
/// </remarks>
public sealed partial class QuicConnection : IDisposable
{
    /// <summary>Received DATAGRAM payloads that wait for the owner, and own ones that wait for the path: some 10 ms of 400 Mbit/s.</summary>
    private const int DatagramQueueBytes = 512 * 1024;

    /// <summary>Events of the connection's own; the owner drains them after each call, so that this is never near.</summary>
    private const int ExpectedEvents = 16;

    private readonly QuicEndpointOptions _options;
    private readonly IConnectionIdTable _ids;
    private readonly PacketSpace[] _spaces;
    private readonly LossDetector _loss;
    private readonly StreamLimits _limits;
    private StreamSet _streams;
    private readonly DatagramQueue _datagramsOut = new(DatagramQueueBytes);
    private readonly DatagramQueue _datagramsIn = new(DatagramQueueBytes);
    private readonly LocalConnectionIds _localIds;
    private readonly PeerConnectionIds _peerIds = new();
    private readonly PathSet _paths;
    private readonly Puncher _puncher;
    private readonly LocalCandidates _localCandidates = new();
    private readonly RemoteCandidates _remoteCandidates;
    private readonly Liveness _liveness;
    private readonly CloseState _close = new();
    private readonly Queue<QuicEvent> _events = new(ExpectedEvents);
    private readonly Instant _startedAt;
    private ConnectionStatistics _statistics;
    private bool _datagramEventPending;
    private bool _isReleased;

    private QuicConnection(ConnectionContext context, bool isClient, NetworkPath network, Instant now)
    {
        QuicEndpointOptions options = context.Options;
        _options = options;
        _ids = context.Ids;
        _spaces =
        [
            new(PacketNumberSpace.Initial, context.Chunks), new(PacketNumberSpace.Handshake, context.Chunks),
            new(PacketNumberSpace.Application, context.Chunks),
        ];
        IsClient = isClient;
        _now = now;
        _startedAt = now;
        _loss = new LossDetector(isServer: !isClient);
        var initial = new StreamLimits();
        _limits = new StreamLimits
        {
            // What a window may be at most, it may not exceed at first either.
            InitialMaxData = Math.Min(initial.InitialMaxData, options.Transport.MaxConnectionWindow),
            InitialMaxStreamDataBidiLocal = Math.Min(initial.InitialMaxStreamDataBidiLocal, options.Transport.MaxStreamWindow),
            InitialMaxStreamDataBidiRemote = Math.Min(initial.InitialMaxStreamDataBidiRemote, options.Transport.MaxStreamWindow),
            InitialMaxStreamDataUni = Math.Min(initial.InitialMaxStreamDataUni, options.Transport.MaxStreamWindow),
            MaxStreamWindow = options.Transport.MaxStreamWindow,
            MaxConnectionWindow = options.Transport.MaxConnectionWindow,
            MaxBidirectionalStreams = options.Transport.MaxBidirectionalStreams,
            MaxUnidirectionalStreams = options.Transport.MaxUnidirectionalStreams,
        };
        _chunks = context.Chunks;
        _streams = new StreamSet(isClient, _limits, context.Chunks);
        _localIds = new LocalConnectionIds(_ids);
        _firstLocalId = _localIds.Start(this);
        _paths = new PathSet(NewPath(network, isClient ? PathStage.Validated : PathStage.Opening, isPair: false));
        _paths.First.IsAddressValidated = isClient;
        _puncher = new Puncher(isClient);
        _remoteCandidates = new RemoteCandidates(options.Network);
        _liveness = new Liveness(options.Transport.IdleTimeout, options.Transport.KeepAlive, options.Transport.UnreachableAfter);
        _liveness.Start(now);
        _nextSkip = DrawSkip();
    }

    /// <summary>True if we opened the connection.</summary>
    public bool IsClient { get; }

    /// <summary>True once the handshake is complete and the peer verified (RFC 9846 appendix F.5).</summary>
    public bool IsEstablished { get; private set; }

    /// <summary>True once nothing more will happen: take the connection out of all tables.</summary>
    public bool IsTerminated => _close.Current == CloseState.Phase.Terminated;

    /// <summary>True while the connection is neither closed nor closing.</summary>
    public bool IsOpen => _close.IsOpen;

    /// <summary>For the owner: whatever it wants to find again from the connection.</summary>
    public object? Owner { get; set; }

    /// <summary>What the admission policy attached; null on a client.</summary>
    public object? AdmissionTag { get; private set; }

    /// <summary>The SHA-256 of the peer's public key, 32 bytes; empty before the peer is verified or if it has none.</summary>
    public ReadOnlyMemory<byte> PeerId => IsEstablished ? _tls.PeerId : default;

    /// <summary>
    /// The destination of the client's first Initial packet, which both sides know: the name of the connection in logs.
    /// </summary>
    public ConnectionId OriginalDestination => _originalDestination;

    /// <summary>Why the connection has ended; null while it is open.</summary>
    public QuicError? CloseError => _close.Error;

    /// <summary>The path that data takes.</summary>
    public NetworkPath CurrentPath => _paths.Current.Network;

    /// <summary>Figures since the start.</summary>
    public ConnectionStatistics Statistics => _statistics;

    /// <summary>
    /// The largest DATAGRAM payload that fits the current path and the peer's limit, in bytes; 0 if the peer takes none, or not yet (RFC 9221
    /// section 3; RFC 8899 sections 3, 4.4 and 5).
    /// </summary>
    public int MaxDatagramPayload
    {
        get
        {
            if (_peer is null || _peer.MaxDatagramFrameSize == 0 || !IsEstablished)
                return 0;
            // A short header with the longest id and number, and the tag.
            int room = _paths.Current.Mtu.Current - (1 + ConnectionId.MaxLength + PacketNumberCodec.MaxLength) - AeadTagLength;
            return DatagramFrame.LargestData(room, _peer.MaxDatagramFrameSize);
        }
    }

    /// <summary>The next event, if any.</summary>
    public bool TryReadEvent(out QuicEvent quicEvent)
    {
        while (_events.TryDequeue(out quicEvent))
        {
            // Told and withdrawn before the owner looked: paths that it made now would outlive their candidate.
            if (quicEvent.Kind != QuicEventKind.CandidateReceived || _remoteCandidates.IsLive(quicEvent.Candidate.Address))
                return true;
        }
        if (!_streams.TryTakeEvent(out StreamEvent stream))
            return false;
        quicEvent = new QuicEvent
        {
            Kind = stream.Kind switch
            {
                StreamEventKind.Opened => QuicEventKind.StreamOpened,
                StreamEventKind.Readable => QuicEventKind.StreamReadable,
                StreamEventKind.Writable => QuicEventKind.StreamWritable,
                StreamEventKind.Stopped => QuicEventKind.StreamStopped,
                _ => QuicEventKind.StreamsAvailable,
            },
            Stream = stream.Id,
            Code = stream.Code,
        };
        return true;
    }

    /// <summary>Opens a stream.</summary>
    /// <returns>
    /// False if the peer's limit is reached; <see cref="QuicEventKind.StreamsAvailable"/> follows when it rises. Before the handshake is
    /// complete, it is none, or one where <see cref="IsEarlyDataOpen"/>.
    /// </returns>
    public bool TryOpenStream(bool bidirectional, out StreamId id)
    {
        id = default;
        return IsOpen && _streams.TryOpen(bidirectional, out id);
    }

    /// <summary>Takes bytes to send, as many as there is room for.</summary>
    /// <param name="id">A stream that we may send on.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="accepted">How many were taken, from the front; after fewer than offered, StreamWritable follows.</param>
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted) => _streams.Write(id, data, out accepted);

    /// <summary>Ends the sending direction once all bytes have been sent.</summary>
    public StreamStatus Finish(StreamId id) => _streams.Finish(id);

    /// <summary>Copies received bytes, in order.</summary>
    /// <param name="id">A stream that the peer may send on.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="count">How many; 0 with <see cref="StreamStatus.Ok"/>: none are there now.</param>
    /// <returns><see cref="StreamStatus.Finished"/> once all bytes up to the end were read, <see cref="StreamStatus.Reset"/> after the peer's reset.</returns>
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count) => _streams.Read(id, destination, out count, _now);

    /// <summary>The code of the peer's RESET_STREAM, if one came.</summary>
    public bool TryGetResetCode(StreamId id, out ulong code) => _streams.TryGetResetCode(id, out code);

    /// <summary>Gives the sending direction up (RESET_STREAM).</summary>
    public void Reset(StreamId id, ulong code) => _streams.Reset(id, code);

    /// <summary>Asks the peer to stop sending (STOP_SENDING); what still arrives is thrown away.</summary>
    public void StopSending(StreamId id, ulong code) => _streams.StopSending(id, code, _now);

    /// <summary>Queues one DATAGRAM payload (RFC 9221): delivered at most once, in any order.</summary>
    /// <returns>False if it is larger than <see cref="MaxDatagramPayload"/> or the queue is full: it was dropped.</returns>
    public bool TrySendDatagram(ReadOnlySpan<byte> payload) =>
        IsOpen && MaxDatagramPayload is > 0 and var most && payload.Length <= most && _datagramsOut.TryEnqueue(payload);

    /// <summary>Takes the next received DATAGRAM payload.</summary>
    /// <param name="destination">At least 1,500 bytes; what does not fit is lost.</param>
    /// <param name="length">Bytes written; a payload may be empty.</param>
    public bool TryReadDatagram(Span<byte> destination, out int length)
    {
        bool any = _datagramsIn.TryDequeue(destination, out length);
        if (!any)
            _datagramEventPending = false;
        return any;
    }

    /// <summary>
    /// Both sides have agreed on how long they may be silent (docs/wire/tunnel.md, QUIET): instead of the heartbeat only the keep-alives that hold
    /// the NATs' mappings leave, the peer's silence is no sign of anything, and the idle timeout begins behind it.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="quiet">How long; zero for no agreement.</param>
    /// <param name="isBusy">Our heartbeat goes on all the same.</param>
    public void AgreeOnSilence(Instant now, TimeSpan quiet, bool isBusy)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quiet, TimeSpan.Zero);
        _now = now;
        TimeSpan before = StandbyDistance;
        _liveness.Agree(now, quiet, isBusy);
        OnStandbyDistance(before);
    }

    /// <summary>Closes with an application error code, 0 for none; the peer sees code and reason.</summary>
    public void Close(Instant now, ulong applicationCode, string reason)
    {
        _now = now;
        CloseWith(QuicError.Application(applicationCode, reason));
    }

    /// <summary>Figures of a path.</summary>
    /// <returns>False if it is not one of this connection.</returns>
    public bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics)
    {
        if (_paths.Find(path) is not { } state)
        {
            statistics = default;
            return false;
        }
        RecoveryPath recovery = state.Recovery;
        statistics = new PathStatistics(state.IsValidated, recovery.Rtt.HasSample, recovery.Rtt.Smoothed, recovery.Rtt.Minimum,
            state.Mtu.Current, recovery.Congestion.Window, recovery.BytesInFlight);
        return true;
    }

    /// <summary>Whether the path is one of this connection's: the owner keeps it as long as it is.</summary>
    public bool Uses(NetworkPath path) => _paths.Find(path) is not null;

    /// <summary>Drops the connection without telling the peer, who will notice by silence; a closed one needs it no more.</summary>
    public void Dispose()
    {
        if (_close.IsOpen)
        {
            _close.Terminate(QuicError.Transport(TransportErrorCode.NoError, "dropped by its owner"));
            OnClosed();
        }
        _close.Terminate(_close.Error!);
        Release();
    }

    private void CloseWith(QuicError error)
    {
        if (!_close.IsOpen)
            return;
        _close.Close(error, _now, ProbeTimeout);
        OnClosed();
    }

    private void OnClosed()
    {
        Emit(new QuicEvent { Kind = QuicEventKind.Closed, Error = _close.Error });
        TraceState("closed");
        if (!IsClient && !IsEstablished)
            _options.Admission?.OnHandshakeEnded(AdmissionTag, established: false);
        if (!IsClient)
            _options.Admission?.OnConnectionEnded(AdmissionTag);
        if (IsTerminated)
            Release();
    }

    /// <summary>Gives buffers and keys back. The object stays readable: it is merely dead.</summary>
    private void Release()
    {
        if (_isReleased)
            return;
        _isReleased = true;
        TraceState("ended");
        _localIds.WithdrawAll();
        _streams.Dispose();
        _tls?.Dispose();
        _oneRtt?.Dispose();
        _earlyKeys?.Dispose();
        foreach (PacketSpace space in _spaces)
            space.Dispose();
    }

    private void Emit(in QuicEvent quicEvent) => _events.Enqueue(quicEvent);

    private PacketSpace Space(PacketNumberSpace space) => _spaces[(int)space];

    private void TraceState(string text) =>
        _options.Trace?.Record(this, new TraceEvent(TraceKind.State, _now, IsClient, PacketNumberSpace.Application, 0, 0, null, text), default);
}
