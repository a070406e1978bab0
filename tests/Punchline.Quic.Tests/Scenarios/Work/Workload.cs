using System.Buffers.Binary;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>
/// One side's application: begins its pieces of work, answers the other's, and checks everything that it is told. It lives on the
/// core's events alone, but for its own pauses; an event that does not come shows as work that does not end.
/// </summary>
internal sealed class Workload(SimulatedNetwork network, bool isClient) : ISimulatedApplication
{
    /// <summary>Bytes at the front of each stream that say which one it is.</summary>
    internal const int HeaderLength = 4;

    private readonly byte[] _scratch = new byte[4096];
    private readonly Dictionary<StreamId, OpenStream> _streams = [];
    private readonly Queue<(int Work, int Number)> _waiting = new();
    private SimulatedPeer? _peer;
    private QuicConnection? _connection;
    private WorkLedger? _ledger;

    /// <summary>A stream as this side knows it.</summary>
    private sealed class OpenStream(bool isOurs)
    {
        internal bool IsOurs => isOurs;

        /// <summary>Null until the header is read.</summary>
        internal StreamWork? Work { get; set; }

        internal byte[] Header { get; } = new byte[HeaderLength];

        internal int HeaderRead { get; set; }

        internal FlowState? Outgoing => Work is null ? null : isOurs ? Work.Up : Work.Down;

        internal FlowState? Incoming => Work is null ? null : isOurs ? Work.Down : Work.Up;
    }

    /// <summary>Called for what is about the connection and not about a stream.</summary>
    internal Action<QuicConnection, QuicEvent>? Observer { get; init; }

    /// <summary>Begins to work on a connection; what was open on another one is forgotten.</summary>
    internal void Begin(SimulatedPeer peer, QuicConnection connection, WorkLedger ledger)
    {
        _streams.Clear();
        _waiting.Clear();
        (_peer, _connection, _ledger) = (peer, connection, ledger);
        for (int i = 0; i < ledger.Works.Count; i++)
        {
            int index = i;
            if (ledger.Works[i].FromClient == isClient)
                After(ledger.Works[i].StartAt, () => Start(index));
        }
    }

    /// <inheritdoc/>
    public void OnEvent(SimulatedPeer peer, QuicConnection connection, in QuicEvent quicEvent)
    {
        Observer?.Invoke(connection, quicEvent);
        if (connection != _connection)
            return;
        switch (quicEvent.Kind)
        {
            case QuicEventKind.StreamOpened:
                if (!_streams.TryAdd(quicEvent.Stream, new OpenStream(isOurs: false)))
                    throw new ScenarioFailure("stream event", $"stream {quicEvent.Stream} opened twice");
                break;
            case QuicEventKind.StreamReadable:
                Read(quicEvent.Stream, Known(quicEvent.Stream));
                break;
            case QuicEventKind.StreamWritable:
                Write(quicEvent.Stream, Known(quicEvent.Stream));
                break;
            case QuicEventKind.StreamStopped:
                OnStopped(quicEvent.Stream, quicEvent.Code);
                break;
            case QuicEventKind.StreamsAvailable:
                OpenWaiting();
                break;
            case QuicEventKind.DatagramReceived:
                ReadPayloads();
                break;
        }
    }

    private OpenStream Known(StreamId id) =>
        _streams.TryGetValue(id, out OpenStream? stream) ? stream : throw new ScenarioFailure("stream event", $"an event of the unknown stream {id}");

    private void Start(int index)
    {
        Work work = _ledger!.Works[index];
        if (work.IsDatagrams)
        {
            SendPayload(index, 0);
            return;
        }
        for (int i = 0; i < work.Count; i++)
            _waiting.Enqueue((index, i));
        OpenWaiting();
    }

    private void OpenWaiting()
    {
        // Both kinds have limits of their own, and one that waits must not hold the other up.
        for (int left = _waiting.Count; left > 0 && _connection!.IsOpen; left--)
        {
            (int index, int number) = _waiting.Dequeue();
            if (!_connection.TryOpenStream(_ledger!.Works[index].Down is not null, out StreamId id))
            {
                _waiting.Enqueue((index, number));
                continue;
            }
            var stream = new OpenStream(isOurs: true) { Work = _ledger.Open(index, number) };
            _streams.Add(id, stream);
            Write(id, stream);
            PauseOrStop(id, stream);
        }
    }

    private void Write(StreamId id, OpenStream stream)
    {
        if (stream.Outgoing is not { Sender: FlowEnd.Open, IsWritePending: false } flow || !_connection!.IsOpen)
            return;
        ReadOnlySpan<byte> header = stream.IsOurs ? stream.Work!.Header : default;
        int most = flow.Flow.WriteChunk > 0 ? flow.Flow.WriteChunk : int.MaxValue;
        while (flow.Written < flow.SendUpTo && most > 0)
        {
            Span<byte> bytes = _scratch.AsSpan(0, Math.Min(Math.Min(_scratch.Length, most), flow.SendUpTo - flow.Written));
            flow.Fill(bytes, flow.Written, header);
            StreamStatus status = _connection.Write(id, bytes, out int accepted);
            if (status == StreamStatus.Stopped)
                return; // Its event comes.
            if (status != StreamStatus.Ok)
                throw new ScenarioFailure("stream status", $"{flow.Name}: {status} to a write");
            flow.Written += accepted;
            most -= accepted;
            if (accepted < bytes.Length)
                return; // Until StreamWritable.
        }
        if (flow.Written < flow.SendUpTo)
        {
            flow.IsWritePending = true;
            After(flow.Flow.WriteEvery, () =>
            {
                flow.IsWritePending = false;
                Write(id, stream);
            });
            return;
        }
        if (flow.Flow.IsEndless)
            return; // Until StreamStopped.
        if (flow.Flow.ResetAt >= 0)
        {
            flow.Sender = FlowEnd.Reset;
            _connection.Reset(id, flow.Code);
        }
        else if (_connection.Finish(id) != StreamStatus.Stopped)
        {
            flow.Sender = FlowEnd.Finished;
        }
    }

    private void Read(StreamId id, OpenStream stream)
    {
        if (stream is { IsOurs: false, HeaderRead: < HeaderLength } && !TryReadHeader(id, stream))
            return;
        if (stream.Incoming is not { Receiver: FlowEnd.Open, IsReadPending: false } flow || !_connection!.IsOpen)
            return;
        int most = flow.Flow.ReadChunk > 0 ? flow.Flow.ReadChunk : int.MaxValue;
        while (true)
        {
            if (flow.Flow.StopAt >= 0 && flow.Read >= flow.Flow.StopAt)
            {
                Stop(id, flow);
                return;
            }
            if (most == 0)
                break;
            Span<byte> into = _scratch.AsSpan(0, Math.Min(_scratch.Length, most));
            StreamStatus status = _connection.Read(id, into, out int count);
            flow.Check(into[..count]);
            most -= count;
            if (status != StreamStatus.Ok)
            {
                OnEnd(id, stream, flow, status);
                return;
            }
            bool isTired = flow.Flow.StopAt >= 0 && flow.Read >= flow.Flow.StopAt;
            if (count < into.Length && !isTired)
                return; // Until StreamReadable.
        }
        flow.IsReadPending = true;
        After(flow.Flow.ReadEvery, () =>
        {
            flow.IsReadPending = false;
            Read(id, stream);
        });
    }

    /// <summary>Of a stream of the other side's, nothing is known before its header.</summary>
    private bool TryReadHeader(StreamId id, OpenStream stream)
    {
        StreamStatus status = _connection!.Read(id, stream.Header.AsSpan(stream.HeaderRead), out int count);
        stream.HeaderRead += count;
        if (status == StreamStatus.Reset)
        {
            // The reset overtook the header: its code says which stream it was.
            _connection.TryGetResetCode(id, out ulong code);
            stream.Work = _ledger!.FindByCode(code);
            OnEnd(id, stream, stream.Work.Up, status);
            return false;
        }
        if (stream.HeaderRead < HeaderLength)
            return false;
        stream.Work ??= _ledger!.Find(stream.Header);
        FlowState flow = stream.Work.Up;
        flow.Read = HeaderLength;
        if (!stream.Work.AnswersAfterEnd)
            Write(id, stream);
        if (status == StreamStatus.Finished)
            OnEnd(id, stream, flow, status);
        return status == StreamStatus.Ok;
    }

    private void OnEnd(StreamId id, OpenStream stream, FlowState flow, StreamStatus status)
    {
        ulong code = 0;
        if (status == StreamStatus.Reset)
            _connection!.TryGetResetCode(id, out code);
        flow.EndReceiver(status switch
        {
            StreamStatus.Finished => FlowEnd.Finished,
            StreamStatus.Reset => FlowEnd.Reset,
            _ => throw new ScenarioFailure("stream status", $"{flow.Name}: {status} to a read"),
        }, code);
        if (!stream.IsOurs)
            Write(id, stream);
    }

    private void Stop(StreamId id, FlowState flow)
    {
        flow.Receiver = FlowEnd.Stopped;
        _connection!.StopSending(id, flow.Code);
        OpenStream stream = _streams[id];
        if (!stream.IsOurs)
            Write(id, stream); // It answers although it does not want to hear the rest.
    }

    /// <summary>Who stops at once does not wait for bytes.</summary>
    private void PauseOrStop(StreamId id, OpenStream stream)
    {
        if (stream.Incoming is { Receiver: FlowEnd.Open, Flow.StopAt: 0 } flow)
            Stop(id, flow);
    }

    private void OnStopped(StreamId id, ulong code)
    {
        OpenStream stream = Known(id);
        // The answer's reader may be tired of it before the header is here: the code says which stream it is.
        stream.Work ??= _ledger!.FindByCode(code);
        FlowState flow = stream.Outgoing!;
        if (flow.Flow.StopAt < 0 || code != flow.Code)
            throw new ScenarioFailure("stream end", $"{flow.Name}: stopped with {code}");
        if (flow.Sender == FlowEnd.Open || flow.Sender == FlowEnd.Finished)
            flow.Sender = FlowEnd.Stopped;
    }

    private void SendPayload(int index, int number)
    {
        Work work = _ledger!.Works[index];
        if (!_connection!.IsOpen)
            return;
        int length = Math.Min(work.Up.Bytes, _connection.MaxDatagramPayload);
        if (length >= 8)
        {
            Span<byte> payload = _scratch.AsSpan(0, length);
            BinaryPrimitives.WriteInt32BigEndian(payload, index);
            BinaryPrimitives.WriteInt32BigEndian(payload[4..], number);
            payload[8..].Fill((byte)(index ^ number));
            _connection.TrySendDatagram(payload);
        }
        _ledger.OnPayloadSent();
        if (number + 1 < work.Count)
            After(work.Up.WriteEvery, () => SendPayload(index, number + 1));
    }

    private void ReadPayloads()
    {
        while (_connection!.TryReadDatagram(_scratch, out int length))
        {
            ReadOnlySpan<byte> payload = _scratch.AsSpan(0, length);
            if (length < 8)
                throw new ScenarioFailure("datagram", $"a payload of {length} bytes");
            int index = BinaryPrimitives.ReadInt32BigEndian(payload);
            int number = BinaryPrimitives.ReadInt32BigEndian(payload[4..]);
            if (payload[8..].ContainsAnyExcept((byte)(index ^ number)))
                throw new ScenarioFailure("datagram", $"payload {number} of work {index} was altered");
            _ledger!.OnPayloadReceived(index, number);
        }
    }

    /// <summary>Later, if the connection is still the one; who sleeps then does it when it wakes up.</summary>
    private void After(TimeSpan pause, Action action)
    {
        QuicConnection? connection = _connection;
        SimulatedPeer peer = _peer!;
        network.Schedule(network.Now + pause, () =>
        {
            if (peer.IsAsleep)
                After(peer.AwakeAt - network.Now + TimeSpan.FromTicks(1), action);
            else if (connection == _connection && connection!.IsOpen)
                action();
        });
    }
}
