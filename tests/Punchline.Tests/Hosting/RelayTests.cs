using System.Net;
using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Server;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Hosts and clients that find no direct path, at a true server on loopback: data flows all the same, and people hear why.</summary>
[Trait("Length", "Medium")]
public sealed class RelayTests
{
    [Fact]
    public async Task Data_flows_over_the_relay_where_no_direct_path_can_stand()
    {
        await using Rig rig = await Rig.StartRelayingAsync(RelayTerms.Unlimited);
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(BlockedUdp.ButServer(rig), relayOnly: false, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: BlockedUdp.ButServer(rig));
        IPEndPoint port = await Rig.PortOf(client, "echo");
        await Visitor.EchoAsync(port, 10_000_000);
        Assert.True(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Relay));
        Assert.False(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Direct));
        Assert.True(client.Events.Has<Progress>(step => step.Stage == ProgressStage.Connected));
        Assert.False(client.Events.Has<Problem>());
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Where_UDP_is_blocked_the_control_channel_carries_the_data(bool atHost, bool atClient)
    {
        await using Rig rig = await Rig.StartRelayingAsync(RelayTerms.Unlimited);
        using var echo = new TcpEcho();
        using var game = new UdpEcho();
        RunningRole host = rig.Host(atHost ? BlockedUdp.All() : BlockedUdp.ButServer(rig), relayOnly: false, echo.Spec("echo"), game.Spec("game"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: atClient ? BlockedUdp.All() : BlockedUdp.ButServer(rig));
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"), 3_000_000);
        await Visitor.UdpEchoAsync(await Rig.PortOf(client, "game"));
        Assert.True(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Relay));
        Assert.False(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Direct));
        StaysRelayed said = await client.Events.WaitAsync<StaysRelayed>();
        Assert.Equal(RelayCause.NoUdp, said.Cause);
        Assert.StartsWith(atClient ? "this network" : "the other side", said.Because, StringComparison.Ordinal);
        Assert.False(client.Events.Has<Problem>());
    }

    [Fact]
    public async Task When_UDP_dies_the_channel_goes_on_with_the_same_connection_and_UDP_comes_back()
    {
        await using Rig rig = await Rig.StartRelayingAsync(RelayTerms.Unlimited);
        using var echo = new TcpEcho();
        BlockedUdp network = BlockedUdp.ButServer(rig);
        RunningRole host = rig.Host(BlockedUdp.ButServer(rig), relayOnly: false, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: network);
        IPEndPoint port = await Rig.PortOf(client, "echo");
        using var visitor = new Conversation(port);
        await visitor.SayAsync(100_000);
        network.Block(static _ => true);
        await visitor.SayAsync(100_000);
        int serverPort = rig.Server.Port;
        network.Block(address => address.Port != serverPort);
        await visitor.SayAsync(100_000);
        Assert.False(client.Events.Has<PeerLeft>());
    }

    [Fact]
    public async Task A_relayed_connection_outlives_its_server()
    {
        await using Rig rig = await Rig.StartRelayingAsync(RelayTerms.Unlimited);
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(BlockedUdp.ButServer(rig), relayOnly: false, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: BlockedUdp.ButServer(rig));
        using var visitor = new Conversation(await Rig.PortOf(client, "echo"));
        await visitor.SayAsync(100_000);
        await rig.RestartServerAsync();
        await visitor.SayAsync(100_000);
        Assert.False(client.Events.Has<PeerLeft>());
    }

    [Fact]
    public async Task With_a_server_that_relays_no_data_it_waits_and_people_hear_why()
    {
        await using Rig rig = await Rig.StartRelayingAsync(null);
        using var echo = new TcpEcho("hello");
        BlockedUdp network = BlockedUdp.ButServer(rig);
        RunningRole host = rig.Host(BlockedUdp.ButServer(rig), relayOnly: false, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: network);
        Task<string> greeting = Visitor.GreetingAsync(await Rig.PortOf(client, "echo"), 5);
        Problem said = await client.Events.WaitAsync<Problem>();
        Assert.Equal(ProblemCode.NoDirectPath, said.Code);
        Assert.Contains("the server relays no data", said.Message, StringComparison.Ordinal);
        Assert.False(greeting.IsCompletedSuccessfully && (await greeting).Length > 0);
        Assert.False(client.Events.Has<StaysRelayed>());
    }

    [Fact]
    public async Task When_the_quota_is_used_up_data_waits_people_hear_and_a_direct_path_resumes_it()
    {
        const int Quota = 1_000_000;
        await using Rig rig = await Rig.StartRelayingAsync(new RelayTerms { Pair = new RelayBound(null, Quota) });
        using var echo = new TcpEcho();
        BlockedUdp atHost = BlockedUdp.ButServer(rig);
        BlockedUdp atClient = BlockedUdp.ButServer(rig);
        RunningRole host = rig.Host(atHost, relayOnly: false, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), platform: atClient);
        using var visitor = new Conversation(await Rig.PortOf(client, "echo"));
        await visitor.SayAsync(100_000);
        Task rest = visitor.SayAsync(4 * Quota);
        foreach (RunningRole role in new[] { host, client })
            await role.Events.WaitAsync<Notice>(said => said.Message.Contains("has forwarded all of this connection's quota", StringComparison.Ordinal));
        // Each byte goes both ways: the quota, and the little that passes beside it, does not suffice for that.
        Assert.False(rest.IsCompleted);
        Assert.False(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Direct));
        atHost.Block(static _ => false);
        atClient.Block(static _ => false);
        await rest;
        Assert.True(client.Events.Has<PathChanged>(path => path.Kind == PathKind.Direct));
        foreach (RunningRole role in new[] { host, client })
            Assert.Equal(1, role.Events.CountOf<Notice>(said => said.Message.Contains("quota", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_hides_stays_on_the_relay_and_both_sides_hear_why(bool hostHides)
    {
        await using Rig rig = await Rig.StartRelayingAsync(RelayTerms.Limited);
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(UdpPlatformOf(), relayOnly: hostHides, echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host), relayOnly: !hostHides);
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"), 300_000);
        StaysRelayed atClient = await client.Events.WaitAsync<StaysRelayed>();
        StaysRelayed atHost = await host.Events.WaitAsync<StaysRelayed>();
        Assert.Equal((RelayCause.RelayOnly, RelayCause.RelayOnly), (atClient.Cause, atHost.Cause));
        Assert.StartsWith(hostHides ? "the other side" : "this side", atClient.Because, StringComparison.Ordinal);
        Assert.StartsWith(hostHides ? "this side" : "the other side", atHost.Because, StringComparison.Ordinal);
        Assert.Equal(1_000_000, atClient.BytesPerSecond);
        foreach (RunningRole role in new[] { host, client })
        {
            Assert.False(role.Events.Has<PathChanged>(path => path.Kind == PathKind.Direct));
            Assert.False(role.Events.Has<Detail>(detail => detail.Message.Contains("may be at", StringComparison.Ordinal)));
        }
    }

    private static Punchline.Udp.UdpPlatform UdpPlatformOf() => Punchline.Udp.UdpPlatform.Detect(portable: false);

    /// <summary>One TCP connection through the tunnel, over which bytes are said again and again, and come back.</summary>
    private sealed class Conversation : IDisposable
    {
        private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);

        public Conversation(IPEndPoint port) => _socket.Connect(port);

        public async Task SayAsync(int length)
        {
            using var limit = new CancellationTokenSource(EventRecorder.Limit);
            var said = new byte[length];
            new Random(length).NextBytes(said);
            Task sending = Task.Run(async () =>
            {
                for (int offset = 0; offset < length;)
                    offset += await _socket.SendAsync(said.AsMemory(offset), limit.Token);
            });
            var heard = new byte[length];
            for (int offset = 0; offset < length;)
            {
                int count = await _socket.ReceiveAsync(heard.AsMemory(offset), limit.Token);
                Assert.NotEqual(0, count);
                offset += count;
            }
            await sending;
            Assert.Equal(said, heard);
        }

        public void Dispose() => _socket.Dispose();
    }
}
