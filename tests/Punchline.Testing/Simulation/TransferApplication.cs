using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// The workload of most simulations: the client opens streams and sends bytes whose value follows from stream and offset,
/// the server checks each and sends it back, the client checks again. A byte that is lost, doubled or out of order shows.
/// </summary>
public sealed class TransferApplication : ISimulatedApplication
{
    private readonly Dictionary<(QuicConnection, StreamId), StreamProgress> _streams = [];
    private readonly byte[] _scratch = new byte[16_384];
    private readonly byte[] _expected = new byte[16_384];
    private readonly bool _isClient;

    private sealed class StreamProgress
    {
        internal long ToSend { get; set; }
        internal long Sent { get; set; }
        internal long Received { get; set; }
        internal bool FinishSent { get; set; }
        internal bool Finished { get; set; }
    }

    /// <summary>The client's side opens streams when <see cref="Start"/> is called; the server's echoes.</summary>
    public TransferApplication(bool isClient) => _isClient = isClient;

    /// <summary>What went wrong first: wrong bytes, or a stream that ended early; null if nothing did.</summary>
    public string? Fault { get; private set; }

    /// <summary>Why the last connection closed, if one did.</summary>
    public QuicError? ClosedBy { get; private set; }

    /// <summary>True once a connection was established.</summary>
    public bool IsEstablished { get; private set; }

    /// <summary>Events in the order in which they came.</summary>
    public List<QuicEvent> Events { get; } = [];

    /// <summary>Called for each event, before the application acts on it.</summary>
    public Action<SimulatedPeer, QuicConnection, QuicEvent>? Observer { get; init; }

    /// <summary>Bytes received and found right.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>True once all opened streams came back whole.</summary>
    public bool IsDone => _streams.Count > 0 && _streams.Values.All(stream => stream.Finished);

    /// <summary>Opens streams and begins to send.</summary>
    public void Start(QuicConnection connection, int streams, long bytesEach)
    {
        for (int i = 0; i < streams; i++)
        {
            if (!connection.TryOpenStream(bidirectional: true, out StreamId id))
            {
                Fault ??= "the stream limit is too small for the test";
                return;
            }
            _streams[(connection, id)] = new StreamProgress { ToSend = bytesEach };
            Pump(connection, id);
        }
    }

    /// <inheritdoc/>
    public void OnEvent(SimulatedPeer peer, QuicConnection connection, in QuicEvent quicEvent)
    {
        Events.Add(quicEvent);
        Observer?.Invoke(peer, connection, quicEvent);
        switch (quicEvent.Kind)
        {
            case QuicEventKind.Established:
                IsEstablished = true;
                break;
            case QuicEventKind.StreamOpened:
                _streams[(connection, quicEvent.Stream)] = new StreamProgress();
                break;
            case QuicEventKind.StreamReadable:
            case QuicEventKind.StreamWritable:
                Pump(connection, quicEvent.Stream);
                break;
            case QuicEventKind.CandidateReceived:
                foreach (UdpAddress local in LocalFor(peer))
                    connection.TryAddPath(peer.Now, peer.PathTo(local, quicEvent.Candidate.Address));
                break;
            case QuicEventKind.Closed:
                ClosedBy = quicEvent.Error;
                break;
        }
    }

    /// <summary>The own addresses from which candidates are probed.</summary>
    public Func<SimulatedPeer, IEnumerable<UdpAddress>> LocalFor { get; set; } = static _ => [];

    private void Pump(QuicConnection connection, StreamId id)
    {
        if (!_streams.TryGetValue((connection, id), out StreamProgress? stream))
        {
            Fault ??= $"an event for the unknown stream {id}";
            return;
        }
        if (_isClient)
            PumpOut(connection, id, stream);
        PumpIn(connection, id, stream);
    }

    private void PumpOut(QuicConnection connection, StreamId id, StreamProgress stream)
    {
        while (stream.Sent < stream.ToSend)
        {
            int count = (int)Math.Min(_scratch.Length, stream.ToSend - stream.Sent);
            Fill(_scratch.AsSpan(0, count), id, stream.Sent);
            StreamStatus status = connection.Write(id, _scratch.AsSpan(0, count), out int accepted);
            stream.Sent += accepted;
            if (status != StreamStatus.Ok || accepted < count)
                return;
        }
        if (!stream.FinishSent)
        {
            stream.FinishSent = true;
            connection.Finish(id);
        }
    }

    private void PumpIn(QuicConnection connection, StreamId id, StreamProgress stream)
    {
        while (!stream.Finished)
        {
            // The echo takes no more in than it can send on: back pressure goes all the way.
            if (!_isClient && stream.Received > stream.Sent && !Echo(connection, id, stream))
                return;
            StreamStatus status = connection.Read(id, _scratch, out int count);
            Fill(_expected.AsSpan(0, count), id, stream.Received);
            if (!_scratch.AsSpan(0, count).SequenceEqual(_expected.AsSpan(0, count)))
                Fault ??= $"wrong bytes on stream {id} near {stream.Received}";
            stream.Received += count;
            BytesReceived += count;
            switch (status)
            {
                case StreamStatus.Ok when count == 0:
                    return;
                case StreamStatus.Ok:
                    continue;
                case StreamStatus.Finished:
                    if (!_isClient && !Echo(connection, id, stream))
                        return;
                    stream.Finished = true;
                    if (_isClient && stream.Received != stream.ToSend)
                        Fault ??= $"stream {id} ended at {stream.Received} of {stream.ToSend}";
                    if (!_isClient)
                        connection.Finish(id);
                    return;
                default:
                    Fault ??= $"stream {id}: {status}";
                    return;
            }
        }
    }

    private bool Echo(QuicConnection connection, StreamId id, StreamProgress stream)
    {
        while (stream.Sent < stream.Received)
        {
            int count = (int)Math.Min(_expected.Length, stream.Received - stream.Sent);
            Fill(_expected.AsSpan(0, count), id, stream.Sent);
            connection.Write(id, _expected.AsSpan(0, count), out int accepted);
            stream.Sent += accepted;
            if (accepted < count)
                return false;
        }
        return true;
    }

    private static void Fill(Span<byte> bytes, StreamId id, long offset)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            ulong position = ((ulong)(offset + i) * 0x9E37_79B9_7F4A_7C15) + (id.Value * 0xD1B5_4A32_D192_ED03);
            bytes[i] = (byte)(position >> 56);
        }
    }
}
