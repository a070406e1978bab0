using System.Net.Sockets;
using System.Net;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A host and clients over a server on loopback: what a friend's programs see.</summary>
public sealed class TunnelTests
{
    public static TheoryData<string> Platforms => Rig.Platforms;

    [Theory]
    [MemberData(nameof(Platforms))]
    public async Task A_TCP_service_appears_at_the_client_over_a_direct_path(string platform)
    {
        await using Rig rig = await Rig.StartAsync(platform);
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host));
        await client.DirectAsync();
        await host.DirectAsync();
        IPEndPoint port = await Rig.PortOf(client, "echo");
        await Visitor.EchoAsync(port);
        await Task.WhenAll(Enumerable.Range(1, 20).Select(i => Visitor.EchoAsync(port, 1_000 * i)));
        Assert.Equal(
            [ProgressStage.ReachingServer, ProgressStage.ReachingHost, ProgressStage.Punching, ProgressStage.Connected],
            await StagesAsync(client));
    }

    [Theory]
    [MemberData(nameof(Platforms))]
    public async Task A_UDP_service_appears_at_the_client(string platform)
    {
        await using Rig rig = await Rig.StartAsync(platform);
        using var echo = new UdpEcho();
        RunningRole host = rig.Host(echo.Spec("game"));
        RunningRole client = rig.Client(await Rig.InviteOf(host));
        IPEndPoint port = (await client.Events.WaitAsync<Listening>(l => l.Service == "game" && l.Protocol == ServiceProtocol.Udp)).Address;
        await client.DirectAsync();
        await Visitor.UdpEchoAsync(port);
        await Task.WhenAll(Enumerable.Range(1, 10).Select(i => Visitor.UdpEchoAsync(port, 100 * i)));
    }

    [Fact]
    public async Task Several_services_share_one_invite_and_stand_where_map_says()
    {
        await using Rig rig = await Rig.StartAsync();
        using var one = new TcpEcho("one");
        using var two = new TcpEcho("two");
        using var game = new UdpEcho();
        RunningRole host = rig.Host(one.Spec("one"), two.Spec("two"), game.Spec("game"));
        IPEndPoint place = FreePort();
        RunningRole client = rig.Client(await Rig.InviteOf(host), map: new Dictionary<string, IPEndPoint> { ["two"] = place });
        await client.DirectAsync();
        Assert.Equal("one", await Visitor.GreetingAsync(await Rig.PortOf(client, "one"), 3));
        Assert.Equal("two", await Visitor.GreetingAsync(place, 3));
        await Visitor.UdpEchoAsync((await client.Events.WaitAsync<Listening>(l => l.Protocol == ServiceProtocol.Udp)).Address);
    }

    [Fact]
    public async Task Three_clients_use_one_host_at_once_and_may_come_and_go()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole[] clients = [.. Enumerable.Range(0, 3).Select(i => rig.Client(invite, $"client{i}"))];
        foreach (RunningRole client in clients)
            await client.DirectAsync();
        await Task.WhenAll(clients.Select(async client => await Visitor.EchoAsync(await Rig.PortOf(client, "echo"))));
        await clients[0].StopAsync();
        await host.Events.WaitAsync<PeerLeft>(left => left.Reason == "it was stopped");
        await Visitor.EchoAsync(await Rig.PortOf(clients[1], "echo"));
        await Visitor.EchoAsync(await Rig.PortOf(clients[2], "echo"));
    }

    [Fact]
    public async Task When_the_service_does_not_run_both_sides_say_why_and_it_works_once_it_does()
    {
        await using Rig rig = await Rig.StartAsync();
        IPEndPoint place = FreePort();
        RunningRole host = rig.Host(new ServiceSpec("game", ServiceProtocol.Tcp, "127.0.0.1", place.Port));
        await host.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ServiceDown && p.Message.Contains("yet", StringComparison.Ordinal));
        RunningRole client = rig.Client(await Rig.InviteOf(host));
        await client.DirectAsync();
        IPEndPoint port = await Rig.PortOf(client, "game");
        int before = host.Events.Count;
        await ExpectResetAsync(port);
        await host.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ServiceDown && p.Message.Contains($"{place}", StringComparison.Ordinal), before);
        Problem told = await client.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ServiceDown);
        Assert.DoesNotContain($"{place.Port}", told.Message, StringComparison.Ordinal);
        using var echo = new TcpEcho("", place.Port);
        await Visitor.EchoAsync(port);
    }

    [Fact]
    public async Task An_explicit_port_that_is_taken_is_an_error()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        RunningRole client = rig.Client(invite, listen: (IPEndPoint)taken.LocalEndpoint);
        PunchlineException error = await client.FailureAsync();
        Assert.Equal(ProblemCode.PortUnavailable, error.Code);
        Assert.Contains($"{taken.LocalEndpoint}", error.Message, StringComparison.Ordinal);
    }

    private static async Task<ProgressStage[]> StagesAsync(RunningRole client)
    {
        var stages = new List<ProgressStage>();
        foreach (ProgressStage stage in Enum.GetValues<ProgressStage>().Where(static stage => stage != ProgressStage.Examining))
            stages.Add((await client.Events.WaitAsync<Progress>(p => p.Stage == stage)).Stage);
        return [.. stages];
    }

    private static async Task ExpectResetAsync(IPEndPoint port)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        // The reset may come before the connect has returned.
        SocketException error = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await socket.ConnectAsync(port, limit.Token);
            await socket.ReceiveAsync(new byte[1], limit.Token);
        });
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    private static IPEndPoint FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }
}
