using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Tests.Hosting;
using Xunit;

namespace Punchline.Tests.Doctor;

/// <summary>A pair on one machine, examined by the real machinery.</summary>
public sealed class PairExaminationTests
{
    [Fact]
    public async Task A_friend_is_known_at_the_host_and_the_way_is_direct()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        var events = new EventRecorder("doctor");
        PairExamined first = await ExamineAsync(rig, invite, events);
        PairExamined second = await ExamineAsync(rig, invite, events);

        Assert.Equal((PathKind.Direct, rig.ServerAddress), (first.Result.Kind, first.Server));
        PairTried used = Assert.Single(first.Pairs, pair => pair.Outcome == PairOutcome.InUse);
        Assert.True(used is { Sent: > 0, Received: > 0, Answered: > 0, RoundTripTime: not null });
        Assert.NotEmpty(first.Ours.Candidates);
        Assert.NotEmpty(first.Theirs.Candidates);
        // One identity and its own secret, as with join: to the host it is one friend who came twice.
        Assert.Single(host.Events.All<PeerJoined>().Select(joined => joined.Peer).Distinct());
        Assert.Equal(2, host.Events.CountOf<PeerJoined>());
        string invites = await File.ReadAllTextAsync(Path.Combine(rig.StateOf("host"), "invites.json"), TestContext.Current.CancellationToken);
        Assert.Single(System.Text.Json.JsonDocument.Parse(invites).RootElement.GetProperty("friends").EnumerateArray());
        Assert.Equal(first.Peer, second.Peer);
        Assert.False(events.Has<Listening>());
        Assert.False(events.Has<PathChanged>());
        Assert.True(events.Has<Progress>(progress => progress.Detail.Contains("stands", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Without_UDP_it_is_relayed_and_says_so()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        PairExamined report = await ExamineAsync(rig, await Rig.InviteOf(rig.Host(echo.Spec("echo"))), new EventRecorder("doctor"), BlockedUdp.All());
        Assert.Equal((PathKind.Relay, RelayCause.NoUdp), (report.Result.Kind, report.Result.Cause));
        Assert.NotEmpty(report.Result.Advice);
        Assert.All(report.Pairs, pair => Assert.Equal((PairOutcome.Silent, 0), (pair.Outcome, pair.Received)));
        Assert.InRange(report.Duration, TimeSpan.Zero, PairWatch.Patience);
    }

    [Fact]
    public async Task Who_hides_from_the_host_is_hidden_from_it_here_too()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        PairExamined report = await ExamineAsync(rig, await Rig.InviteOf(rig.Host(echo.Spec("echo"))), new EventRecorder("doctor"), isHidden: true);
        Assert.Equal((PathKind.Relay, RelayCause.RelayOnly), (report.Result.Kind, report.Result.Cause));
        Assert.Empty(report.Ours.Candidates);
        Assert.Empty(report.Pairs);
    }

    [Fact]
    public async Task A_host_that_is_away_is_said()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await host.StopAsync();
        var failure = await Assert.ThrowsAsync<PunchlineException>(() => ExamineAsync(rig, invite, new EventRecorder("doctor")));
        Assert.Equal(ProblemCode.HostOffline, failure.Code);
    }

    private static async Task<PairExamined> ExamineAsync(Rig rig, string invite, EventRecorder recorder, Punchline.Udp.UdpPlatform? platform = null, bool isHidden = false)
    {
        var events = new EventSink(recorder, TimeProvider.System);
        try
        {
            var options = new ClientOptions { Invite = invite, StateDirectory = rig.StateOf("doctor"), PortMapping = false, UdpPlatform = platform, RelayOnly = isHidden };
            return await new PairExamination(options, events).RunAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            await events.CompleteAsync();
        }
    }
}
