using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>
/// A connection on its driver: what the owner of a connection calls, and what the loop keeps for it. Every call that can
/// change something marks the connection, so that the loop drains its events and sends before it waits again.
/// Driver thread only.
/// </summary>
internal sealed class EndpointConnection : IStreamTransport
{
    /// <summary>
    /// Paths held before those that the core has given up are looked for: the core has at most 64 pairs (DESIGN section 4)
    /// and a few peer-reflexive ones, so it seldom comes to that.
    /// </summary>
    private const int SweepPathsAbove = 80;

    private readonly EndpointLoop _loop;
    private readonly List<SocketPath> _paths = [];
    private SocketPath? _lastPath;
    private byte[]? _held;
    private int _heldOffset;
    private Transmit _heldTransmit;

    internal EndpointConnection(EndpointLoop loop, IConnectionCore core)
    {
        _loop = loop;
        Core = core;
    }

    // ---- the owner's side

    /// <summary>Whether we opened it.</summary>
    public bool IsClient => Core.IsClient;

    /// <inheritdoc cref="QuicConnection.IsEstablished"/>
    public bool IsEstablished => Core.IsEstablished;

    /// <inheritdoc cref="QuicConnection.IsResumed"/>
    public bool IsResumed => Core.IsResumed;

    /// <inheritdoc cref="QuicConnection.IsEarlyDataOpen"/>
    public bool IsEarlyDataOpen => Core.IsEarlyDataOpen;

    /// <inheritdoc cref="QuicConnection.TryTakeSession"/>
    public bool TryTakeSession([NotNullWhen(true)] out byte[]? session) => Core.TryTakeSession(out session);

    /// <inheritdoc cref="QuicConnection.AdmissionTag"/>
    public object? AdmissionTag => Core.AdmissionTag;

    /// <inheritdoc cref="QuicConnection.PeerId"/>
    public ReadOnlyMemory<byte> PeerId => Core.PeerId;

    /// <inheritdoc cref="QuicConnection.CurrentPath"/>
    public NetworkPath CurrentPath => Core.CurrentPath;

    /// <inheritdoc cref="QuicConnection.Statistics"/>
    public ConnectionStatistics Statistics => Core.Statistics;

    /// <inheritdoc cref="QuicConnection.TryGetPathStatistics"/>
    public bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics) => Core.TryGetPathStatistics(path, out statistics);

    /// <inheritdoc cref="QuicConnection.ReportProbing"/>
    public ProbingReport ReportProbing() => Core.ReportProbing(_loop.Now);

    /// <inheritdoc/>
    public int MaxDatagramPayload => Core.MaxDatagramPayload;

    /// <inheritdoc cref="QuicConnection.AddLocalCandidate"/>
    public void AddLocalCandidate(Candidate candidate)
    {
        Core.AddLocalCandidate(candidate);
        Touch();
    }

    /// <inheritdoc cref="QuicConnection.RemoveLocalCandidate"/>
    public void RemoveLocalCandidate(UdpAddress address)
    {
        Core.RemoveLocalCandidate(address);
        Touch();
    }

    /// <summary>Adds a way to reach the peer.</summary>
    /// <returns>False if a limit forbids it.</returns>
    public bool TryAddPath(SocketPath path)
    {
        Touch();
        if (!Core.TryAddPath(_loop.Now, path))
            return false;
        Hold(path);
        return true;
    }

    /// <summary>Sends one opening probe on a way that is not kept, unless it opens (<see cref="QuicConnection.TryWriteProbe"/>).</summary>
    /// <param name="socket">One of the driver's.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="timeToLive">Hops that it may make, 0 for the usual number.</param>
    public void SendProbe(IUdpSocket socket, UdpAddress remote, byte timeToLive) => _loop.SendProbe(this, socket, remote, timeToLive);

    /// <summary>True if a way that begins at this socket is known to work, or is being tried.</summary>
    public bool Uses(IUdpSocket socket)
    {
        ReleaseUnusedPaths();
        return _paths.Exists(path => path.Socket == socket);
    }

    /// <summary>The way is gone.</summary>
    public void RemovePath(SocketPath path)
    {
        Core.RemovePath(_loop.Now, path);
        ReleaseUnusedPaths();
        Touch();
    }

    /// <summary>A socket will be gone soon: data leaves the ways that begin there (<see cref="QuicConnection.LeavePath"/>).</summary>
    public void LeavePathsOver(IUdpSocket socket)
    {
        foreach (SocketPath path in _paths.ToArray())
        {
            if (path is UdpPath && path.Socket == socket)
                Core.LeavePath(_loop.Now, path);
        }
        Touch();
    }

    /// <inheritdoc cref="QuicConnection.AgreeOnSilence"/>
    public void AgreeOnSilence(TimeSpan quiet, bool isBusy)
    {
        Core.AgreeOnSilence(_loop.Now, quiet, isBusy);
        Touch();
    }

    /// <inheritdoc cref="QuicConnection.OnNetworkChanged"/>
    public void OnNetworkChanged()
    {
        Core.OnNetworkChanged(_loop.Now);
        Touch();
    }

    /// <summary>A path carries data now that did not before: what waits for it may leave.</summary>
    public void Resume() => Touch();

    /// <summary>Closes with an application error (0: none).</summary>
    public void Close(ulong applicationCode, string reason)
    {
        Core.Close(_loop.Now, applicationCode, reason);
        Touch();
    }

    /// <inheritdoc/>
    public bool TryOpenStream(bool bidirectional, out StreamId id)
    {
        Touch();
        return Core.TryOpenStream(bidirectional, out id);
    }

    /// <inheritdoc/>
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted)
    {
        Touch();
        return Core.Write(id, data, out accepted);
    }

    /// <inheritdoc/>
    public StreamStatus Finish(StreamId id)
    {
        Touch();
        return Core.Finish(id);
    }

    /// <inheritdoc/>
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count)
    {
        // Reading opens the flow control window: there may be something to send.
        Touch();
        return Core.Read(id, destination, out count);
    }

    /// <inheritdoc/>
    public void Reset(StreamId id, ulong code)
    {
        Core.Reset(id, code);
        Touch();
    }

    /// <inheritdoc/>
    public void StopSending(StreamId id, ulong code)
    {
        Core.StopSending(id, code);
        Touch();
    }

    /// <inheritdoc/>
    public bool TrySendDatagram(ReadOnlySpan<byte> payload)
    {
        Touch();
        return Core.TrySendDatagram(payload);
    }

    /// <inheritdoc/>
    public bool TryReadDatagram(Span<byte> destination, out int length) => Core.TryReadDatagram(destination, out length);

    // ---- the loop's side

    /// <summary>The peer's candidates that are live: the core takes no more of them than it told the peer.</summary>
    internal List<Candidate> Candidates { get; } = [];

    /// <summary>The peer took one back.</summary>
    internal void ForgetCandidate(UdpAddress address) => Candidates.RemoveAll(candidate => candidate.Address == address);

    internal IConnectionCore Core { get; }

    /// <summary>Who is told; null until the loop has asked for one.</summary>
    internal IConnectionHandler? Handler { get; set; }

    /// <summary>In the loop's list of those to be served.</summary>
    internal bool Ready { get; set; }

    /// <summary>In the loop's list of those that wait for a socket.</summary>
    internal bool Waiting { get; set; }

    /// <summary>The owner threw: it gets no more events but the last.</summary>
    internal bool Faulted { get; set; }

    /// <summary>The owner has had its last call.</summary>
    internal bool ClosedReported { get; set; }

    /// <summary>When the core wants to be called; read from it once per serving instead of once per turn.</summary>
    internal Instant Deadline { get; set; } = Instant.Never;

    /// <summary>Place in the loop's list of connections.</summary>
    internal int Index { get; set; }

    /// <summary>The path that the system last had no route for, so that it is said once.</summary>
    internal SocketPath? UnreachablePath { get; set; }

    /// <summary>Whether part of a batch waits for its socket.</summary>
    internal bool HoldsBatch => _held is not null;

    /// <summary>The socket that the held batch waits for.</summary>
    internal IUdpSocket? HeldSocket { get; private set; }

    private void Touch() => _loop.MarkReady(this);

    /// <summary>A datagram of this connection came by this path: keep the path if the core did.</summary>
    internal void CameBy(SocketPath path)
    {
        if (ReferenceEquals(path, _lastPath))
            return;
        if (!_paths.Contains(path))
        {
            if (!Core.TryGetPathStatistics(path, out _))
                return;
            Hold(path);
        }
        _lastPath = path;
    }

    /// <summary>Keeps a path in the table as long as the core has it.</summary>
    internal void Hold(SocketPath path)
    {
        if (_paths.Contains(path))
            return;
        if (_paths.Count >= SweepPathsAbove)
            ReleaseUnusedPaths();
        _paths.Add(path);
        _loop.Paths.Retain(path);
    }

    /// <summary>Lets go of the paths that the core does not have any more.</summary>
    internal void ReleaseUnusedPaths()
    {
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            if (!Core.TryGetPathStatistics(_paths[i], out _))
                ReleaseAt(i);
        }
    }

    /// <summary>A socket goes away: so do the paths over it.</summary>
    internal void RemovePathsOver(IUdpSocket socket)
    {
        if (HeldSocket == socket)
            DropHeld();
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            // A way through a server stays: its owner finds another socket, or another carrier.
            if (_paths[i] is not UdpPath direct || direct.Socket != socket)
                continue;
            Core.RemovePath(_loop.Now, _paths[i]);
            ReleaseAt(i);
        }
        Touch();
    }

    /// <summary>Addresses of ours are gone, and with them the ways that begin there.</summary>
    internal void RemovePathsFrom(Func<UdpAddress, bool> isGone)
    {
        foreach (SocketPath path in _paths.ToArray())
        {
            if (path is UdpPath direct && isGone(direct.LocalAddress))
                RemovePath(path);
        }
    }

    /// <summary>The connection has ended: nothing may be kept for it.</summary>
    internal void ReleaseAll()
    {
        DropHeld();
        for (int i = _paths.Count - 1; i >= 0; i--)
            ReleaseAt(i);
    }

    /// <summary>Keeps the unsent rest of a batch until its socket takes it.</summary>
    internal void HoldBatch(in Transmit transmit, ReadOnlySpan<byte> rest)
    {
        _held = ArrayPool<byte>.Shared.Rent(rest.Length);
        rest.CopyTo(_held);
        _heldOffset = 0;
        _heldTransmit = transmit with { Length = rest.Length };
        HeldSocket = ((SocketPath)transmit.Path).Socket;
    }

    /// <summary>Tries the held batch again.</summary>
    internal UdpSendStatus SendHeld()
    {
        var path = (SocketPath)_heldTransmit.Path;
        // Another carrier by now: the datagrams are lost with the one that they waited for.
        UdpSendStatus status = path.Socket != HeldSocket ? UdpSendStatus.Unreachable
            : BatchSender.Send(path, _heldTransmit, _held.AsSpan(0, _heldTransmit.Length), ref _heldOffset);
        if (status == UdpSendStatus.TooLarge)
            Core.OnDatagramTooLarge(_loop.Now, path, _heldTransmit.SegmentSize - path.HeaderLength);
        if (status != UdpSendStatus.WouldBlock)
            DropHeld();
        return status;
    }

    private void DropHeld()
    {
        if (_held is null)
            return;
        ArrayPool<byte>.Shared.Return(_held);
        _held = null;
        HeldSocket = null;
    }

    private void ReleaseAt(int index)
    {
        SocketPath path = _paths[index];
        _paths.RemoveAt(index);
        _loop.Paths.Release(path);
        if (ReferenceEquals(_lastPath, path))
            _lastPath = null;
    }
}
