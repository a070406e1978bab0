using System.Net.Sockets;
using System.Net;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Each of the three is ended and started again: the others say so, and service resumes by itself.</summary>
public sealed class ComeBackTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_restarted_client_is_let_in_by_its_own_secret()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole first = rig.Client(invite);
        await first.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(first, "echo"));
        await first.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await first.StopAsync();
        await host.Events.WaitAsync<PeerLeft>();
        RunningRole second = rig.Client(invite);
        await second.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(second, "echo"));
        // The services were remembered: the port opened under its name before the host was reached.
        Assert.True(second.Events.Has<Listening>(l => l.Service == "echo"));
        Assert.False(second.Events.Has<Listening>(l => l.Service != "echo"));
    }

    [Fact]
    public async Task When_the_host_restarts_its_connections_are_reset_and_the_client_comes_back()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
        IPEndPoint port = await Rig.PortOf(client, "echo");
        using var open = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await open.ConnectAsync(port, Stop);
        await open.SendAsync(new byte[] { 1 }, Stop);
        Assert.Equal(1, await open.ReceiveAsync(new byte[10], Stop));

        int before = client.Events.Count;
        await host.StopAsync();
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () => await open.ReceiveAsync(new byte[1], Stop).AsTask().WaitAsync(EventRecorder.Limit, Stop));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        await client.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ConnectionLost, before);
        await client.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.HostOffline, before);
        before = client.Events.Count;
        RunningRole again = rig.Host(echo.Spec("echo"));
        Assert.Equal(invite, await Rig.InviteOf(again));
        await client.DirectAsync(before);
        await Visitor.EchoAsync(port);
    }

    [Fact]
    public async Task A_server_that_restarts_disturbs_no_direct_connection_and_finds_both_again()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
        IPEndPoint port = await Rig.PortOf(client, "echo");
        using var open = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await open.ConnectAsync(port, Stop);
        int before = host.Events.Count;
        await rig.RestartServerAsync();
        await host.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ServerUnreachable, before);
        await host.Events.WaitAsync<HostReady>(from: before);
        await open.SendAsync(new byte[] { 1 }, Stop);
        Assert.Equal(1, await open.ReceiveAsync(new byte[10], Stop).AsTask().WaitAsync(EventRecorder.Limit, Stop));
        Assert.False(client.Events.Has<PeerLeft>());
        Assert.False(host.Events.Has<PeerLeft>());
        // Who comes now finds the host.
        RunningRole other = rig.Client(invite, "other");
        await other.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(other, "echo"));
    }

    [Fact]
    public async Task A_client_that_starts_before_its_host_keeps_trying_and_says_so()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await host.StopAsync();
        RunningRole client = rig.Client(invite);
        await client.Events.WaitAsync<Listening>();
        Problem offline = await client.Events.WaitAsync<Problem>();
        Assert.Equal(ProblemCode.HostOffline, offline.Code);
        rig.Host(echo.Spec("echo"));
        await client.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
    }

    [Fact]
    public async Task A_newer_host_with_the_same_key_takes_the_place_and_the_older_one_ends()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole older = rig.Host(echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(older));
        await client.DirectAsync();
        int before = client.Events.Count;
        // As on another computer: with a copy of the key.
        Directory.CreateDirectory(rig.StateOf("copy"));
        foreach (string file in new[] { "identity.pem", "reset.key", "invites.json" })
            File.Copy(Path.Combine(rig.StateOf("host"), file), Path.Combine(rig.StateOf("copy"), file));
        RunningRole newer = rig.Host("copy", newInvite: false, echo.Spec("echo"));
        PunchlineException end = await older.FailureAsync();
        Assert.Equal(ProblemCode.Displaced, end.Code);
        await client.DirectAsync(before);
        await newer.Events.WaitAsync<PeerJoined>();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
    }
}
