using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Whose word ends a client or host, and whose does not (docs/wire/door.md).</summary>
public sealed class VerdictTests
{
    [Fact]
    public async Task What_a_server_says_of_an_invite_ends_no_client_that_was_connected_and_deletes_nothing()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host));
        await client.DirectAsync();
        await client.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        byte[] remembered = await File.ReadAllBytesAsync(JoinedFile(rig), TestContext.Current.CancellationToken);
        int port = rig.Server.Port;
        await rig.Server.DisposeAsync();
        int before = client.Events.Count;
        // Sixteen bytes in the place of the proof prove nothing.
        await using (await LyingServer.StartAsync(port, new ErrorMessage(ControlError.UnknownInvite, "x") { EndProof = new byte[16] }))
        {
            await host.StopAsync();
            await client.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.InviteRevoked, before);
            Assert.False(client.Completion.IsCompleted);
        }
        Assert.Equal(remembered, await File.ReadAllBytesAsync(JoinedFile(rig), TestContext.Current.CancellationToken));
        await rig.StartServerAsync(port);
        before = client.Events.Count;
        rig.Host(echo.Spec("echo"));
        await client.DirectAsync(before);
    }

    [Fact]
    public async Task At_the_first_contact_an_unknown_invite_is_told_at_once_and_nothing_is_deleted()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite);
        await client.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await client.StopAsync();
        byte[] remembered = await File.ReadAllBytesAsync(JoinedFile(rig), TestContext.Current.CancellationToken);
        int port = rig.Server.Port;
        await rig.Server.DisposeAsync();
        await using (await LyingServer.StartAsync(port, new ErrorMessage(ControlError.UnknownInvite, "x")))
        {
            PunchlineException end = await rig.Client(invite).FailureAsync();
            Assert.Equal(ProblemCode.InviteRevoked, end.Code);
        }
        Assert.Equal(remembered, await File.ReadAllBytesAsync(JoinedFile(rig), TestContext.Current.CancellationToken));
        await rig.StartServerAsync(port);
    }

    [Fact]
    public async Task A_wrong_password_later_on_does_not_end_a_host()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        int port = rig.Server.Port;
        await rig.Server.DisposeAsync();
        await using (await LyingServer.StartAsync(port, new ErrorMessage(ControlError.WrongPassword, "x")))
            await host.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.ServerRefused);
        await rig.StartServerAsync(port);
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
    }

    [Fact]
    public async Task A_forged_refusal_is_said_and_ends_nothing()
    {
        await using Rig rig = await Rig.StartAsync();
        await using FakeHost host = await FakeHost.StartAsync(rig, NoSession, (_, _) => new FakeHost.Refuser("00000000000000000000000000000000 this invite has ended"));
        RunningRole client = rig.Client(host.Invite.ToString());
        await client.Events.WaitAsync<Problem>(p => p.Code == ProblemCode.InviteRevoked);
        Assert.False(client.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_refusal_with_the_hosts_proof_ends_the_client()
    {
        await using Rig rig = await Rig.StartAsync();
        await using FakeHost host = await FakeHost.StartAsync(rig, NoSession, (_, invite) => new FakeHost.Refuser(Refusal.Text(InviteKeys.EndProof(invite.Secret.Span))));
        PunchlineException end = await rig.Client(host.Invite.ToString()).FailureAsync();
        Assert.Equal(ProblemCode.InviteRevoked, end.Code);
    }

    public static TheoryData<string> Repeated => ["services", "secret"];

    [Theory]
    [MemberData(nameof(Repeated))]
    public async Task A_host_that_repeats_itself_is_left(string what)
    {
        await using Rig rig = await Rig.StartAsync();
        TunnelMessage message = what == "secret"
            ? new FriendSecret(new InviteId(9), new byte[16])
            : new TunnelServices([new ServiceInfo(1, ServiceProtocol.Tcp, 1, "game")]);
        string done = what == "secret" ? "secret of its own" : "services are remembered";
        var events = new EventSink(new EventRecorder("fake host"), TimeProvider.System);
        await using FakeHost host = await FakeHost.StartAsync(
            rig, (node, connection) => new FakeHost.Babbler(node, connection, events, message, 200), (identity, invite) => new FakeHost.Opener(identity, invite));
        RunningRole client = rig.Client(host.Invite.ToString());
        PeerLeft left = await client.Events.WaitAsync<PeerLeft>();
        Assert.Contains("come once", left.Reason, StringComparison.Ordinal);
        await client.StopAsync();
        // One write for each connection, however often it was said.
        Assert.InRange(client.Events.CountOf<Detail>(d => d.Message.Contains(done, StringComparison.Ordinal)), 1, client.Events.CountOf<PeerJoined>());
    }

    /// <summary>Whatever it knows of a friend's computer, it has no way to call a program there.</summary>
    [Fact]
    public async Task A_host_may_open_no_stream_at_a_friend()
    {
        await using Rig rig = await Rig.StartAsync();
        var allowed = new TaskCompletionSource<(bool, bool)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var events = new EventSink(new EventRecorder("fake host"), TimeProvider.System);
        await using FakeHost host = await FakeHost.StartAsync(
            rig, (node, connection) => new FakeHost.Caller(node, connection, events, allowed), (identity, invite) => new FakeHost.Opener(identity, invite));
        RunningRole client = rig.Client(host.Invite.ToString());
        Assert.Equal((false, false), await allowed.Task.WaitAsync(EventRecorder.Limit, TestContext.Current.CancellationToken));
        await client.StopAsync();
    }

    private static string JoinedFile(Rig rig) => Path.Combine(rig.StateOf("client"), ClientState.FileName);

    private static Punchline.Endpoint.IConnectionHandler NoSession(PeerNode node, Punchline.Endpoint.EndpointConnection connection) =>
        throw new InvalidOperationException("nobody is let in");
}
