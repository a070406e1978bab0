using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>A turn costs no memory.</summary>
public sealed class EndpointAllocationTests
{
    [Fact]
    public void A_turn_with_traffic_allocates_nothing_once_warm()
    {
        var socket = new LoopbackSocket();
        var core = new FakeCore();
        var endpoint = new SilentEndpointCore(core);
        EndpointLoop loop = new(new EndpointLoopOptions
        {
            Poller = new SilentPoller(),
            Sockets = [socket],
            Core = endpoint,
            Clock = () => new Instant(1),
            WallClock = static () => DateTimeOffset.UnixEpoch,
            Routes = new FakeRoutes(),
            Log = new FakeLog(),
            Accept = _ => new RecordingHandler(),
        });
        void Run()
        {
            socket.Arrived = 3;
            core.Outgoing.Enqueue((core.CurrentPath, socket.Payload, 100));
            loop.Turn();
        }
        socket.Arrived = 1;
        loop.Turn();
        for (int i = 0; i < 100; i++)
            Run();
        long allocated = Allocated.InRound(() =>
        {
            for (int i = 0; i < 1000; i++)
                Run();
        });
        Assert.Equal(0, allocated);
        Assert.True(socket.SentCount >= 1100);
    }

    private sealed class SilentPoller : IUdpPoller
    {
        private readonly List<IUdpSocket> _sockets = [];

        public IReadOnlyList<IUdpSocket> Readable => _sockets;
        public void Add(IUdpSocket socket) => _sockets.Add(socket);
        public void Remove(IUdpSocket socket) { }
        public void WatchWritable(IUdpSocket socket) { }
        public void Wait(TimeSpan timeout) { }
        public void Wake() { }
        public void Dispose() { }
    }

    private sealed class SilentEndpointCore(FakeCore core) : IEndpointCore
    {
        public IConnectionCore? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram)
        {
            core.Known.Add(path);
            core.CurrentPath ??= path;
            return core;
        }

        public bool TryTransmit(Span<byte> buffer, out Transmit transmit)
        {
            transmit = default;
            return false;
        }

        public IConnectionCore Connect(Instant now, QuicClientOptions options, NetworkPath path) => core;
        public void Remove(IConnectionCore connection) { }
    }

    private sealed class LoopbackSocket : IUdpSocket
    {
        private static readonly UdpAddress Remote = FakeSocket.Address("198.51.100.1:1000");
        private static readonly UdpAddress Local = FakeSocket.Address("192.0.2.1:0");
        public byte[] Payload { get; } = [.. Enumerable.Repeat<byte>(0x40, 300)];
        public int Arrived { get; set; }
        public int SentCount { get; private set; }
        public UdpAddress LocalAddress { get; } = FakeSocket.Address("0.0.0.0:4433");
        public int MaxSegments => 64;

        public UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
        {
            SentCount++;
            return UdpSendStatus.Sent;
        }

        public bool TryReceive(Span<byte> buffer, out UdpReceived received)
        {
            received = default;
            if (Arrived == 0)
                return false;
            Arrived--;
            Payload.CopyTo(buffer);
            received = new UdpReceived(300, 100, Remote, Local, EcnCodepoint.NotEct);
            return true;
        }

        public void Dispose() { }
    }
}
