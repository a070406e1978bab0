using System.Net;
using System.Net.Sockets;
using System.Text;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>Where the server listens, whom it lets in there, and what becomes of it when it hears nothing any more.</summary>
public sealed class ListenTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wildcard_names_one_family_over_TCP_and_UDP_alike(bool ipv6)
    {
        if (!Socket.OSSupportsIPv6)
            Assert.Skip("This machine has no IPv6.");
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions { Address = ipv6 ? IPAddress.IPv6Any : IPAddress.Any, Port = 0 });
        (IPAddress named, IPAddress other) = ipv6 ? (IPAddress.IPv6Loopback, IPAddress.Loopback) : (IPAddress.Loopback, IPAddress.IPv6Loopback);
        await using ServerChannel channel = await TestServer.ConnectAsync(server, named.ToString());
        var udp = new UdpAddress(named, server.Port);
        Assert.Equal([udp], channel.UdpEndpoints);
        using var asking = new Socket(named.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        byte[] request = new byte[RelayFrame.CookieRequestLength];
        RelayFrame.WriteCookieRequest(request, 9);
        await asking.SendToAsync(request, udp.ToIPEndPoint(), Token);
        Assert.Equal(RelayFrame.CookieFrameLength, await asking.ReceiveAsync(new byte[100], Token));

        using var tcp = new Socket(other.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        SocketException refused = await Assert.ThrowsAsync<SocketException>(async () => await tcp.ConnectAsync(other, server.Port, Token));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        // The other family's UDP port is free for another program.
        using var free = new Socket(other.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        if (!ipv6)
            free.DualMode = false;
        free.Bind(new IPEndPoint(other, server.Port));
    }

    [Fact]
    public async Task One_address_cannot_hold_all_connections()
    {
        const int Channels = 2;
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, MaxChannelsPerAddress = Channels, NewChannelsPerSecond = 1000 });
        const int Bound = Channels + ServerLimits.PendingConnectionsPerAddress;
        var sockets = new List<Socket>();
        // They ask for little and stay.
        int[] answered = await Task.WhenAll(Enumerable.Range(0, 2 * Bound).Select(async _ =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            lock (sockets)
                sockets.Add(socket);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, server.Port, Token);
                await socket.SendAsync(Encoding.ASCII.GetBytes("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), Token);
                return await socket.ReceiveAsync(new byte[1000], Token) > 0 ? 1 : 0;
            }
            catch (SocketException)
            {
                return 0;
            }
        }));
        Assert.Equal(Bound, answered.Sum());
        foreach (Socket socket in sockets)
            socket.Dispose();
        // The places are free again once the server has seen their end.
        using var http = new HttpClient();
        while (true)
        {
            try
            {
                Assert.Equal("ok\n", await http.GetStringAsync($"http://127.0.0.1:{server.Port}/healthz", Token));
                break;
            }
            catch (HttpRequestException)
            {
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task A_web_server_in_front_brings_more_than_one_address_may_have()
    {
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions
        {
            Address = IPAddress.Loopback, Port = 0, MaxChannelsPerAddress = 1, NewChannelsPerSecond = 1000, TrustedProxies = [IPAddress.Loopback],
        });
        using var http = new HttpClient();
        string[] all = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => http.GetStringAsync($"http://127.0.0.1:{server.Port}/healthz", Token)));
        Assert.All(all, text => Assert.Equal("ok\n", text));
    }

    [Fact]
    public async Task Without_its_UDP_loop_the_server_says_that_it_is_of_no_use()
    {
        var platform = new BreakablePlatform();
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, UdpPlatform = platform });
        using var http = new HttpClient();
        string health = $"http://127.0.0.1:{server.Port}/healthz";
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(health, Token)).StatusCode);
        Assert.False(server.Completion.IsCompleted);
        platform.Break();
        IOException failure = await Assert.ThrowsAsync<IOException>(() => server.Completion);
        Assert.Contains("broken by the test", failure.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(health, Token)).StatusCode);
    }

    private sealed class BreakablePlatform : UdpPlatform
    {
        private Action? _break;

        public override bool KnowsLocalAddress => Portable.KnowsLocalAddress;

        public override string Name => "breakable";

        public void Break() => _break!();

        public override IUdpSocket Bind(in UdpAddress local) => Portable.Bind(local);

        public override IUdpPoller CreatePoller()
        {
            var poller = new BreakablePoller(Portable.CreatePoller());
            _break = poller.Break;
            return poller;
        }
    }

    private sealed class BreakablePoller(IUdpPoller inner) : IUdpPoller
    {
        private volatile bool _broken;

        public void Break()
        {
            _broken = true;
            inner.Wake();
        }

        public IReadOnlyList<IUdpSocket> Readable => inner.Readable;

        public void Add(IUdpSocket socket) => inner.Add(socket);

        public void Remove(IUdpSocket socket) => inner.Remove(socket);

        public void WatchWritable(IUdpSocket socket) => inner.WatchWritable(socket);

        public void Wait(TimeSpan timeout)
        {
            inner.Wait(timeout);
            if (_broken)
                throw new InvalidOperationException("broken by the test");
        }

        public void Wake() => inner.Wake();

        public void Dispose() => inner.Dispose();
    }
}
