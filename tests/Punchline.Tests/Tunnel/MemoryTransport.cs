using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Tests.Tunnel;

/// <summary>
/// Two ends of a connection in memory: streams with a bounded buffer each way that take and give chunks of random size,
/// and DATAGRAM frames. Whatever happens is an event that <see cref="Deliver"/> hands on, as QUIC's driver would.
/// </summary>
internal sealed class MemoryTransport(int seed = 1, int capacity = 64 * 1024)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<StreamId, (Lane ToHost, Lane ToClient)> _streams = [];
    private readonly Queue<(bool ToHost, QuicEventKind Kind, StreamId Stream, ulong Code)> _events = new();
    private readonly HashSet<StreamId> _announced = [];
    private readonly Queue<byte[]> _toHost = new();
    private readonly Queue<byte[]> _toClient = new();
    private ulong _opened;

    /// <summary>How many streams the client may open.</summary>
    public int StreamLimit { get; set; } = int.MaxValue;

    public int MaxDatagramPayload { get; set; } = 1200;

    /// <summary>Every DATAGRAM that was sent.</summary>
    public List<byte[]> Datagrams { get; } = [];

    public IStreamTransport Client => new End(this, toHost: true);

    public IStreamTransport Host => new End(this, toHost: false);

    public IEnumerable<Lane> LanesToHost => _streams.Values.Select(s => s.ToHost);

    /// <summary>Hands on what has happened.</summary>
    /// <returns>False if there was nothing.</returns>
    public bool Deliver(Action<QuicEventKind, StreamId, ulong> toClient, Action<QuicEventKind, StreamId, ulong> toHost)
    {
        bool any = false;
        while (_events.TryDequeue(out var e))
        {
            any = true;
            (e.ToHost ? toHost : toClient)(e.Kind, e.Stream, e.Code);
        }
        return any;
    }

    public void AnnounceStreams(int limit)
    {
        StreamLimit = limit;
        _events.Enqueue((false, QuicEventKind.StreamsAvailable, default, 0));
    }

    internal sealed class Lane(int capacity)
    {
        private readonly byte[] _ring = new byte[capacity];
        private int _head;
        public int Count { get; private set; }
        public long TotalRead { get; private set; }
        public int Room => _ring.Length - Count;
        public bool Finished { get; set; }
        public ulong? ResetCode { get; set; }
        public ulong? StopCode { get; set; }
        public bool WriterWaits { get; set; }

        public void Put(ReadOnlySpan<byte> data)
        {
            int tail = (_head + Count) % _ring.Length;
            int first = Math.Min(data.Length, _ring.Length - tail);
            data[..first].CopyTo(_ring.AsSpan(tail));
            data[first..].CopyTo(_ring);
            Count += data.Length;
        }

        public void Take(Span<byte> data)
        {
            int first = Math.Min(data.Length, _ring.Length - _head);
            _ring.AsSpan(_head, first).CopyTo(data);
            _ring.AsSpan(0, data.Length - first).CopyTo(data[first..]);
            _head = (_head + data.Length) % _ring.Length;
            Count -= data.Length;
            TotalRead += data.Length;
        }
    }

    private sealed class End(MemoryTransport shared, bool toHost) : IStreamTransport
    {
        public int MaxDatagramPayload => shared.MaxDatagramPayload;

        public bool TryOpenStream(bool bidirectional, out StreamId id)
        {
            id = default;
            if ((int)shared._opened >= shared.StreamLimit)
                return false;
            // Number 0 is the control stream.
            id = StreamId.From(clientInitiated: toHost, bidirectional, ++shared._opened);
            shared._streams.Add(id, (new Lane(shared.Capacity), new Lane(shared.Capacity)));
            return true;
        }

        public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted)
        {
            accepted = 0;
            Lane lane = Out(id);
            if (lane.StopCode is not null)
                return StreamStatus.Stopped;
            if (lane.ResetCode is not null || lane.Finished)
                return StreamStatus.Closed;
            accepted = Math.Min(Math.Min(data.Length, lane.Room), shared._random.Next(1, 20_000));
            lane.Put(data[..accepted]);
            if (accepted > 0)
                Tell(id, QuicEventKind.StreamReadable, 0);
            if (accepted < data.Length)
            {
                lane.WriterWaits = true;
                if (lane.Room > 0)
                    Writable(id, lane);
            }
            return StreamStatus.Ok;
        }

        public StreamStatus Finish(StreamId id)
        {
            Out(id).Finished = true;
            Tell(id, QuicEventKind.StreamReadable, 0);
            return StreamStatus.Ok;
        }

        public StreamStatus Read(StreamId id, Span<byte> destination, out int count)
        {
            count = 0;
            Lane lane = In(id);
            if (lane.ResetCode is not null)
                return StreamStatus.Reset;
            count = Math.Min(Math.Min(destination.Length, lane.Count), shared._random.Next(1, 20_000));
            lane.Take(destination[..count]);
            if (count > 0 && lane.WriterWaits)
            {
                lane.WriterWaits = false;
                // To the other end, which writes this lane.
                shared._events.Enqueue((toHost, QuicEventKind.StreamWritable, id, 0));
            }
            return lane.Finished && lane.Count == 0 ? StreamStatus.Finished : StreamStatus.Ok;
        }

        public void Reset(StreamId id, ulong code)
        {
            Out(id).ResetCode = code;
            Tell(id, QuicEventKind.StreamReadable, code);
        }

        public void StopSending(StreamId id, ulong code)
        {
            In(id).StopCode = code;
            Tell(id, QuicEventKind.StreamStopped, code);
        }

        public bool TrySendDatagram(ReadOnlySpan<byte> payload)
        {
            if (payload.Length > shared.MaxDatagramPayload)
                return false;
            shared.Datagrams.Add(payload.ToArray());
            (toHost ? shared._toHost : shared._toClient).Enqueue(payload.ToArray());
            shared._events.Enqueue((toHost, QuicEventKind.DatagramReceived, default, 0));
            return true;
        }

        public bool TryReadDatagram(Span<byte> destination, out int length)
        {
            length = 0;
            if (!(toHost ? shared._toClient : shared._toHost).TryDequeue(out byte[]? datagram))
                return false;
            datagram.CopyTo(destination);
            length = datagram.Length;
            return true;
        }

        private Lane Out(StreamId id) => toHost ? shared._streams[id].ToHost : shared._streams[id].ToClient;

        private Lane In(StreamId id) => toHost ? shared._streams[id].ToClient : shared._streams[id].ToHost;

        private void Writable(StreamId id, Lane lane)
        {
            lane.WriterWaits = false;
            // To this end: an event "to the host" is for the one whose writes go to the client.
            shared._events.Enqueue((!toHost, QuicEventKind.StreamWritable, id, 0));
        }

        private void Tell(StreamId id, QuicEventKind kind, ulong code)
        {
            if (toHost && shared._announced.Add(id))
                shared._events.Enqueue((true, QuicEventKind.StreamOpened, id, 0));
            shared._events.Enqueue((toHost, kind, id, code));
        }
    }

    private int Capacity => capacity;
}
