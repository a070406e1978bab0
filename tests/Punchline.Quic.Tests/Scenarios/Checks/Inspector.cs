using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Looks at one peer during a run: at every packet, after every step of the network, and now and then at all that it keeps.</summary>
internal sealed class Inspector : ITrace
{
    /// <summary>
    /// Turns at one instant after which a deadline may still lie in the past. One turn may make another: a probe timeout is due, its
    /// probe leaves, that moves the next deadline.
    /// </summary>
    private const int MaxOverdueTurns = 4;

    /// <summary>Steps between two looks at all that is kept.</summary>
    private const int StepsBetweenAudits = 256;

    private readonly SimulatedPeer _peer;
    private readonly Dictionary<QuicConnection, ConnectionBook> _books = [];
    private readonly long _mostBuffered;
    private int _overdueTurns;
    private int _steps;

    internal Inspector(SimulatedPeer peer, Scenario scenario)
    {
        _peer = peer;
        var limits = new StreamLimits();
        // What flow control lets the peer send, what we keep for sending, and two chunks in part for each stream and direction.
        _mostBuffered = scenario.MaxConnectionWindow + limits.SendBufferTotal
            + (2L * (scenario.MaxStreams + 16) * (StreamLimits.SendBufferShare + (4 * ChunkPool.ChunkSize)));
        peer.Trace = this;
    }

    /// <summary>The most memory for stream data that was seen, in bytes.</summary>
    internal long LargestBuffered { get; private set; }

    /// <summary>The most application packets that were remembered.</summary>
    internal int LargestTracked { get; private set; }

    /// <summary>The most in flight on one path, in bytes.</summary>
    internal long LargestInFlight => _books.Values.Select(static book => book.LargestInFlight).DefaultIfEmpty().Max();

    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        if (!_books.TryGetValue(connection, out ConnectionBook? book))
            _books.Add(connection, book = new ConnectionBook(connection, _peer.Name));
        book.OnEvent(traceEvent, content);
    }

    /// <summary>After a step of the network: timers were handled, events taken, packets sent.</summary>
    internal void AfterStep()
    {
        bool isOverdue = false;
        if (!_peer.IsDead && !_peer.IsAsleep)
        {
            foreach (QuicConnection connection in _peer.Connections)
                isOverdue |= connection.NextTimeout <= _peer.Now;
        }
        _overdueTurns = isOverdue ? _overdueTurns + 1 : 0;
        if (_overdueTurns > MaxOverdueTurns)
            throw new ScenarioFailure("timer", $"{_peer.Name}: a deadline in the past is not acted on");
        if (++_steps % StepsBetweenAudits == 0)
            Audit();
    }

    /// <summary>Looks at all that each connection keeps.</summary>
    internal void Audit()
    {
        foreach (QuicConnection connection in _peer.Connections)
        {
            StreamSet streams = connection.Streams();
            Require(streams.BufferedBytes <= _mostBuffered, "memory", $"{streams.BufferedBytes} bytes of stream data");
            LargestBuffered = Math.Max(LargestBuffered, streams.BufferedBytes);
            Require(connection.Paths().Count <= CandidateRules.MaxPairs + 8, "memory", "more paths than may be");
            foreach (RecoverySpace space in connection.Loss().Spaces())
            {
                Require(space.Sent.Span <= LossDetector.MaxTrackedPackets, "memory", $"{space.Sent.Span} packets are remembered");
                LargestTracked = Math.Max(LargestTracked, space.Sent.Span);
            }
            CompareInFlight(connection);
        }
    }

    /// <summary>The sum over the packets whose fate is open is what each path counts as in flight.</summary>
    private void CompareInFlight(QuicConnection connection)
    {
        var sums = new Dictionary<RecoveryPath, (long Bytes, int Packets)>();
        foreach (RecoverySpace space in connection.Loss().Spaces())
        {
            for (ulong n = space.Sent.FindOpen(0); n < space.Sent.Next; n = space.Sent.FindOpen(n + 1))
            {
                SentPacket packet = space.Sent.Packet(n);
                (long bytes, int packets) = sums.GetValueOrDefault(packet.Path);
                if (packet.IsInFlight)
                    sums[packet.Path] = (bytes + packet.Size, packets + 1);
            }
        }
        PathSet paths = connection.Paths();
        for (int i = 0; i < paths.Count; i++)
        {
            RecoveryPath path = paths[i].Recovery;
            (long bytes, int packets) = sums.GetValueOrDefault(path);
            Require(path.BytesInFlight == bytes && path.PacketsInFlight == packets, "books of the path",
                $"{path.BytesInFlight} bytes in flight by its count, {bytes} by the packets that are open");
        }
    }

    private void Require(bool holds, string check, string what)
    {
        if (!holds)
            throw new ScenarioFailure(check, $"{_peer.Name}: {what}");
    }
}
