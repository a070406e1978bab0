using System.Net;
using Punchline.Quic;
using Punchline.Server.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests.Relay;

public sealed class RelayEgressTests : IDisposable
{
    private readonly RecordingSocket _socket = new();
    private readonly RelayCounters _counters = new();
    private readonly RelayEgress _egress;

    public RelayEgressTests() => _egress = new RelayEgress([_socket], _counters);

    public void Dispose() => _socket.Dispose();

    [Fact]
    public void Datagrams_of_one_size_for_one_address_leave_together_and_no_sooner_than_asked()
    {
        for (byte i = 0; i < 3; i++)
            _egress.Add(To(1), default, Datagram(i, 100), 100);
        Assert.Empty(_socket.Sent);
        _egress.Flush();
        _egress.Flush();
        Sent sent = Assert.Single(_socket.Sent);
        Assert.Equal((To(1), 100, 1), (sent.To, sent.SegmentSize, _counters.Batches));
        Assert.Equal([.. Datagram(0, 100), .. Datagram(1, 100), .. Datagram(2, 100)], sent.Bytes);
    }

    [Fact]
    public void What_is_of_another_size_leaves_behind_what_came_before()
    {
        (byte Mark, int Size)[] datagrams = [(0, 100), (1, 100), (2, 60), (3, 60), (4, 100)];
        foreach ((byte mark, int size) in datagrams)
            _egress.Add(To(1), default, Datagram(mark, size), size);
        _egress.Flush();
        Assert.Equal([[0, 1], [2, 3], [4]], _socket.Sent.Select(Marks));
    }

    [Fact]
    public void Behind_a_shorter_datagram_nothing_is_appended()
    {
        _egress.Add(To(1), default, new byte[250], 100);
        _egress.Add(To(1), default, new byte[100], 100);
        _egress.Flush();
        Assert.Equal([250, 100], _socket.Sent.Select(static sent => sent.Bytes.Length));
    }

    [Fact]
    public void Each_source_address_of_ours_has_batches_of_its_own()
    {
        UdpAddress[] ours = [To(50), To(51)];
        for (byte i = 0; i < 4; i++)
            _egress.Add(To(1), ours[i % 2], Datagram(i, 100), 100);
        _egress.Flush();
        Assert.Equal([(ours[0], (byte[])[0, 2]), (ours[1], [1, 3])], _socket.Sent.Select(static sent => (sent.Local, Marks(sent))));
    }

    // More addresses than there are slots, sizes of every kind, runs and single ones: whatever is joined, each address has all of its
    // datagrams in order, and no send is more than the socket takes.
    [Theory]
    [InlineData(64)]
    [InlineData(1)]
    public void Nothing_is_lost_doubled_or_out_of_order(int maxSegments)
    {
        _socket.MaxSegments = maxSegments;
        var random = new Random(7);
        var expected = new Dictionary<UdpAddress, List<(byte Mark, int Size)>>();
        for (int i = 0; i < 20_000; i++)
        {
            UdpAddress to = To(random.Next(1, 20));
            int size = random.Next(4) == 0 ? random.Next(9, 1500) : 1209;
            int count = random.Next(3) == 0 ? random.Next(1, 45) : 1;
            int last = random.Next(3) == 0 ? random.Next(9, size + 1) : size;
            byte[] run = [.. Enumerable.Range(0, count).SelectMany(k => Datagram((byte)(i + k), k == count - 1 ? last : size))];
            expected.TryAdd(to, []);
            expected[to].AddRange(Enumerable.Range(0, count).Select(k => ((byte)(i + k), k == count - 1 ? last : size)));
            // A datagram that came alone has its own size.
            _egress.Add(to, default, run, count == 1 ? last : size);
            if (random.Next(30) == 0)
                _egress.Flush();
        }
        _egress.Flush();
        foreach ((UdpAddress to, List<(byte Mark, int Size)> datagrams) in expected)
            Assert.Equal(datagrams, _socket.Sent.Where(sent => sent.To == to).SelectMany(Datagrams));
    }

    [Fact]
    public void What_the_system_refuses_is_counted_by_the_datagram()
    {
        _socket.Status = UdpSendStatus.WouldBlock;
        for (byte i = 0; i < 3; i++)
            _egress.Add(To(1), default, Datagram(i, 100), 100);
        _egress.Flush();
        Assert.Equal(3, _counters.SendFailed);
    }

    private static UdpAddress To(int number) => new(IPAddress.Parse($"192.0.2.{number}"), 4000);

    private static byte[] Datagram(byte mark, int size) => [mark, .. new byte[size - 1]];

    private static byte[] Marks(Sent sent) => [.. Datagrams(sent).Select(static datagram => datagram.Mark)];

    private static IEnumerable<(byte Mark, int Size)> Datagrams(Sent sent) =>
        sent.Bytes.Chunk(sent.SegmentSize).Select(static datagram => (datagram[0], datagram.Length));

    private sealed record Sent(UdpAddress To, UdpAddress Local, byte[] Bytes, int SegmentSize);

    private sealed class RecordingSocket : IUdpSocket
    {
        public UdpAddress LocalAddress { get; } = new(IPAddress.Any, 3478);

        public int MaxSegments { get; set; } = 64;

        public UdpSendStatus Status { get; set; } = UdpSendStatus.Sent;

        public List<Sent> Sent { get; } = [];

        public UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
        {
            Assert.InRange(batch.Length, 1, UdpLimits.MaxBatchBytes);
            Assert.InRange((batch.Length + segmentSize - 1) / segmentSize, 1, MaxSegments);
            Sent.Add(new Sent(remote, local, batch.ToArray(), segmentSize));
            return Status;
        }

        public bool TryReceive(Span<byte> buffer, out UdpReceived received)
        {
            received = default;
            return false;
        }

        public void Dispose()
        {
        }
    }
}
