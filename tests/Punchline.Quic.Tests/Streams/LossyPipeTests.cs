using CsCheck;
using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>
/// Two ends, a pipe that loses, reorders and doubles packets, acknowledgements that come late or after a false
/// alarm, applications that write, read, finish, reset and stop as they like. Whatever happens, each byte arrives
/// once and in its place, no limit is passed, and memory stays bounded.
/// </summary>
public class LossyPipeTests
{
    [Fact]
    public void Every_stream_ends_as_its_sender_or_receiver_wanted() =>
        Gen.Int[0, int.MaxValue].Sample(seed => new Run(seed).Go(), iter: 150, threads: 1);

    private sealed class Run
    {
        /// <summary>Far more than any needs: in some a window of a few bytes lets 20,000 pass.</summary>
        private const int MaxRounds = 100_000;

        private readonly Random _random;
        private readonly Side[] _sides;
        private readonly Dictionary<(int Reader, StreamId Id), ulong> _read = [];
        private readonly Dictionary<(int Writer, StreamId Id), ulong> _written = [];
        private readonly HashSet<(int Side, StreamId Id)> _finished = [];
        private readonly HashSet<(int Side, StreamId Id)> _reset = [];
        private readonly HashSet<(int Side, StreamId Id)> _stopped = [];
        private readonly HashSet<(int Side, StreamId Id)> _readToEnd = [];
        private readonly HashSet<(int Side, StreamId Id)> _readReset = [];
        private readonly int _packetSize;
        private bool _lossy = true;

        public Run(int seed)
        {
            _random = new Random(seed);
            StreamLimits client = SomeLimits();
            StreamLimits server = SomeLimits();
            (StreamPeer a, StreamPeer b) = StreamPeer.Pair(client, server);
            _sides = [new Side(a), new Side(b)];
            _packetSize = _random.Next(40, 1500);
            if (_random.Next(2) == 0)
            {
                a.Set.OnRttUpdate(TimeSpan.FromMilliseconds(100));
                b.Set.OnRttUpdate(TimeSpan.FromMilliseconds(100));
            }
        }

        private StreamLimits SomeLimits()
        {
            long stream = _random.Next(1, 20_000);
            return new StreamLimits
            {
                InitialMaxData = _random.Next(1, 30_000),
                InitialMaxStreamDataBidiLocal = stream,
                InitialMaxStreamDataBidiRemote = _random.Next(1, 20_000),
                InitialMaxStreamDataUni = _random.Next(1, 20_000),
                MaxBidirectionalStreams = _random.Next(1, 6),
                MaxUnidirectionalStreams = _random.Next(0, 6),
                MaxStreamWindow = 40_000,
                MaxConnectionWindow = 60_000,
                InitialSendBufferPerStream = _random.Next(1, 10_000),
                SendBufferPerStream = 40_000,
                SendBufferTotal = _random.Next(1_000, 60_000),
            };
        }

        public void Go()
        {
            for (int step = 0; step < 1500; step++)
                Step();
            // The applications say what becomes of the streams; the network heals; then everything must come to its end.
            _lossy = false;
            for (int round = 0; round < MaxRounds && !IsQuiet(); round++)
            {
                foreach (Side side in _sides)
                {
                    Send(side);
                    DeliverAll(side);
                    Listen(side);
                    foreach (StreamId id in side.Known)
                        Finish(side, id);
                    foreach (StreamId id in side.Known.Where(id => Reads(side, id)).ToList())
                        Read(side, id, 5_000);
                }
            }
            Assert.True(IsQuiet());
            foreach (Side side in _sides)
            {
                Assert.Equal(0, side.Peer.Set.OpenStreamCount);
                Assert.Equal(0, side.Peer.Set.BufferedBytes);
                Assert.Equal(0, side.Peer.Set.UnacknowledgedBytes);
            }
            CheckEnds();
        }

        private void CheckEnds()
        {
            foreach ((int writer, StreamId id) in _finished)
            {
                var reader = (1 - writer, id);
                if (_reset.Contains((writer, id)) || _stopped.Contains(reader) || !_sides[1 - writer].Known.Contains(id))
                    continue;
                Assert.Contains(reader, _readToEnd);
                Assert.Equal(_written.GetValueOrDefault((writer, id)), _read.GetValueOrDefault(reader));
            }
            foreach ((int reader, StreamId id) in _readReset)
                Assert.Contains((1 - reader, id), _reset);
        }

        private bool IsQuiet() => _sides.All(side => side.Flying.Count == 0 && !side.Peer.Set.HasFramesToSend && side.Peer.Set.OpenStreamCount == 0);

        private void Step()
        {
            Side side = _sides[_random.Next(2)];
            foreach (Side each in _sides)
                each.Peer.Now += TimeSpan.FromMilliseconds(_random.Next(5));
            switch (_random.Next(100))
            {
                case < 8:
                    Open(side);
                    break;
                case < 30:
                    WithStream(side, Write);
                    break;
                case < 45:
                    WithStream(side, (s, id) => Read(s, id, _random.Next(0, 6_000)));
                    break;
                case < 47:
                    WithStream(side, Finish);
                    break;
                case < 48:
                    WithStream(side, Reset);
                    break;
                case < 49:
                    WithStream(side, Stop);
                    break;
                case < 55:
                    Listen(side);
                    break;
                case < 75:
                    Send(side);
                    break;
                case < 90:
                    Deliver(side);
                    break;
                default:
                    Report(side);
                    break;
            }
            foreach (Side each in _sides)
                CheckMemory(each);
        }

        private static void CheckMemory(Side side)
        {
            StreamLimits limits = side.Peer.Limits;
            // A stream's data may begin and end within a chunk, each way.
            long slack = 4L * ChunkPool.ChunkSize * (limits.MaxBidirectionalStreams + limits.MaxUnidirectionalStreams + side.Known.Count);
            long send = limits.SendBufferTotal + side.Known.Count * StreamLimits.SendBufferShare;
            long receive = Math.Max(limits.MaxConnectionWindow, limits.InitialMaxData);
            Assert.InRange(side.Peer.Set.BufferedBytes, 0, send + receive + slack);
        }

        private void Open(Side side)
        {
            bool bidirectional = _random.Next(2) == 0;
            if (side.Peer.Set.TryOpen(bidirectional, out StreamId id))
                side.Known.Add(id);
        }

        private void WithStream(Side side, Action<Side, StreamId> act)
        {
            if (side.Known.Count != 0)
                act(side, side.Known[_random.Next(side.Known.Count)]);
        }

        private void Write(Side side, StreamId id)
        {
            if (!Writes(side, id))
                return;
            ulong offset = _written.GetValueOrDefault((Index(side), id));
            byte[] data = StreamPeer.Bytes(id, offset, _random.Next(0, 12_000));
            StreamStatus status = side.Peer.Set.Write(id, data, out int accepted);
            if (status == StreamStatus.Ok)
                _written[(Index(side), id)] = offset + (ulong)accepted;
            else
                Assert.Equal(0, accepted);
            Assert.NotEqual(StreamStatus.Unknown, status);
        }

        private void Read(Side side, StreamId id, int size)
        {
            if (!Reads(side, id))
                return;
            var key = (Index(side), id);
            (StreamStatus status, byte[] data) = side.Peer.Read(id, size);
            ulong offset = _read.GetValueOrDefault(key);
            Assert.Equal(StreamPeer.Bytes(id, offset, data.Length), data);
            _read[key] = offset + (ulong)data.Length;
            if (status == StreamStatus.Finished)
                _readToEnd.Add(key);
            if (status == StreamStatus.Reset)
                _readReset.Add(key);
        }

        private void Finish(Side side, StreamId id)
        {
            if (Writes(side, id) && side.Peer.Set.Finish(id) == StreamStatus.Ok)
                _finished.Add((Index(side), id));
        }

        private void Reset(Side side, StreamId id)
        {
            if (!Writes(side, id))
                return;
            side.Peer.Set.Reset(id, 7);
            _reset.Add((Index(side), id));
        }

        private void Stop(Side side, StreamId id)
        {
            if (!Reads(side, id))
                return;
            side.Peer.Set.StopSending(id, 9, side.Peer.Now);
            _stopped.Add((Index(side), id));
        }

        private static void Listen(Side side)
        {
            foreach (StreamEvent e in side.Peer.Events())
            {
                if (e.Kind == StreamEventKind.Opened)
                    side.Known.Add(e.Id);
            }
        }

        private void Send(Side side)
        {
            bool due = side.Peer.Set.HasFramesToSend;
            StreamPacket? packet = side.Peer.Build(_packetSize);
            Assert.Equal(due, packet != null);
            if (packet != null)
                side.Flying.Add(new Flight(packet));
        }

        private void Deliver(Side side)
        {
            if (side.Flying.Count == 0)
                return;
            Flight flight = side.Flying[_random.Next(side.Flying.Count)];
            if (flight.IsDropped)
                return;
            if (!flight.IsDelivered && _random.Next(5) == 0)
            {
                flight.IsDropped = true;
                return;
            }
            // A packet number is taken once, but its data may come again in later packets: overlaps are made by those.
            // Delivering the frames twice is stricter still.
            Assert.Null(Other(side).Peer.Receive(flight.Packet));
            flight.IsDelivered = true;
        }

        // The sender hears of a packet: arrived, lost, or falsely lost and arrived later.
        private void Report(Side side)
        {
            if (side.Flying.Count == 0)
                return;
            int i = _random.Next(side.Flying.Count);
            Flight flight = side.Flying[i];
            if (flight.IsDelivered && (!_lossy || _random.Next(4) != 0))
            {
                side.Peer.Acked(flight.Packet);
                side.Flying.RemoveAt(i);
            }
            else if (flight.IsDropped)
            {
                if (!flight.IsHeldLost)
                    side.Peer.Lost(flight.Packet);
                side.Flying.RemoveAt(i);
            }
            else if (!flight.IsHeldLost && _lossy && _random.Next(4) == 0)
            {
                flight.IsHeldLost = true;
                side.Peer.Lost(flight.Packet);
            }
        }

        private void DeliverAll(Side side)
        {
            foreach (Flight flight in side.Flying)
            {
                if (flight.IsDropped)
                {
                    if (!flight.IsHeldLost)
                        side.Peer.Lost(flight.Packet);
                    continue;
                }
                Assert.Null(Other(side).Peer.Receive(flight.Packet));
                side.Peer.Acked(flight.Packet);
            }
            side.Flying.Clear();
        }

        private bool Writes(Side side, StreamId id) => id.IsBidirectional || id.IsClientInitiated == (Index(side) == 0);

        private bool Reads(Side side, StreamId id) => id.IsBidirectional || id.IsClientInitiated != (Index(side) == 0);

        private Side Other(Side side) => _sides[1 - Index(side)];

        private int Index(Side side) => ReferenceEquals(side, _sides[0]) ? 0 : 1;
    }

    private sealed class Side(StreamPeer peer)
    {
        public StreamPeer Peer { get; } = peer;

        public List<StreamId> Known { get; } = [];

        public List<Flight> Flying { get; } = [];
    }

    private sealed class Flight(StreamPacket packet)
    {
        public StreamPacket Packet { get; } = packet;

        public bool IsDelivered { get; set; }

        public bool IsDropped { get; set; }

        public bool IsHeldLost { get; set; }
    }
}
