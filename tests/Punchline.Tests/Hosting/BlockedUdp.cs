using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Tests.Hosting;

/// <summary>Sockets behind a firewall in the test's hand: what goes to or comes from an address that it blocks is swallowed.</summary>
internal sealed class BlockedUdp : UdpPlatform
{
    private readonly UdpPlatform _inner = Detect(portable: false);
    private volatile Func<UdpAddress, bool> _isBlocked;

    public BlockedUdp(Func<UdpAddress, bool> isBlocked) => _isBlocked = isBlocked;

    /// <summary>All UDP.</summary>
    public static BlockedUdp All() => new(static _ => true);

    /// <summary>Everything but the server's own port: peers cannot reach each other.</summary>
    public static BlockedUdp ButServer(Rig rig)
    {
        int port = rig.Server.Port;
        return new(address => address.Port != port);
    }

    public override bool KnowsLocalAddress => _inner.KnowsLocalAddress;

    public override string Name => "blocked";

    /// <summary>Another rule from now on.</summary>
    public void Block(Func<UdpAddress, bool> isBlocked) => _isBlocked = isBlocked;

    public override IUdpSocket Bind(in UdpAddress local) => new Socket(this, _inner.Bind(local));

    public override IUdpPoller CreatePoller() => new Poller(_inner.CreatePoller());

    private sealed class Socket(BlockedUdp platform, IUdpSocket inner) : IUdpSocket
    {
        public IUdpSocket Inner => inner;

        public UdpAddress LocalAddress => inner.LocalAddress;

        public int MaxSegments => inner.MaxSegments;

        public UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive) =>
            platform._isBlocked(remote) ? UdpSendStatus.Sent : inner.Send(remote, local, batch, segmentSize, ect0, timeToLive);

        public bool TryReceive(Span<byte> buffer, out UdpReceived received)
        {
            while (inner.TryReceive(buffer, out received))
            {
                if (!platform._isBlocked(received.Remote))
                    return true;
            }
            return false;
        }

        public void Dispose() => inner.Dispose();
    }

    private sealed class Poller(IUdpPoller inner) : IUdpPoller
    {
        private readonly List<Socket> _sockets = [];

        public IReadOnlyList<IUdpSocket> Readable => [.. _sockets.Where(socket => inner.Readable.Contains(socket.Inner))];

        public void Add(IUdpSocket socket)
        {
            _sockets.Add((Socket)socket);
            inner.Add(((Socket)socket).Inner);
        }

        public void Remove(IUdpSocket socket)
        {
            _sockets.Remove((Socket)socket);
            inner.Remove(((Socket)socket).Inner);
        }

        public void WatchWritable(IUdpSocket socket) => inner.WatchWritable(((Socket)socket).Inner);

        public void Wait(TimeSpan timeout) => inner.Wait(timeout);

        public void Wake() => inner.Wake();

        public void Dispose() => inner.Dispose();
    }
}
