using Punchline.Quic.Paths;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What a connection can tell afterwards of the ways that it tried.</summary>
public sealed class ProbingReportTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(5) };
    private static readonly LinkProfile Dead = new() { IsCut = true };

    [Fact]
    public void A_pair_that_works_shows_what_was_sent_what_came_and_how_long_an_answer_takes()
    {
        Scene scene = Scene.Connected(1, Relay);
        Instant offered = scene.Network.Now;
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        ProbingReport report = Report(scene);
        PathReport pair = Assert.Single(report.Paths, path => path.Network.Kind == PathKind.Direct);
        Assert.Equal((PathStage.Validated, true, true, true), (pair.Stage, pair.IsCurrent, pair.IsPair, pair.IsProven));
        Assert.False(pair.IsBeingProbed);
        Assert.InRange(pair.Tally.Sent, 2u, 2u + ProbeSchedule.OpeningProbes);
        Assert.InRange(pair.Tally.Received, 2u, 2u + ProbeSchedule.OpeningProbes);
        Assert.InRange(pair.Tally.Answered, 2u, pair.Tally.Sent);
        Assert.Equal(2 * Direct.Delay, pair.Tally.RoundTrip);
        Assert.True(offered <= pair.Tally.FirstSentAt && pair.Tally.FirstSentAt <= pair.Tally.FirstAnsweredAt!.Value - pair.Tally.RoundTrip!.Value);
        Assert.True(offered + Direct.Delay <= pair.Tally.FirstHeardAt && pair.Tally.FirstHeardAt <= pair.Tally.FirstAnsweredAt);
        Assert.True(report.StartedAt < offered);
        Assert.Equal(1ul, report.Round);
        Assert.Equal([new Candidate(Scene.ClientDirect, CandidateKind.Host)], report.Ours);
        Assert.Equal([new ToldCandidate(new Candidate(Scene.HostDirect, CandidateKind.Host), CandidateVerdict.Probe)], report.Theirs);
        // Ours were sent, and each side's account is the other's seen from there, for nothing was lost.
        PathReport theirs = Assert.Single(scene.HostConnection.ReportProbing(scene.Network.Now).Paths, path => path.Network.Kind == PathKind.Direct);
        Assert.Equal((pair.Tally.Sent, pair.Tally.Received), (theirs.Tally.Received, theirs.Tally.Sent));
    }

    [Fact]
    public void A_pair_that_nothing_passes_was_sent_its_probes_and_heard_nothing()
    {
        Scene scene = Scene.Connected(2, Relay);
        scene.OfferDirect(Dead);
        scene.Network.RunFor(Puncher.RoundInterval - TimeSpan.FromMilliseconds(100));
        Assert.True(DirectOf(scene).IsBeingProbed);
        Assert.InRange((int)DirectOf(scene).Tally.Sent, ProbeSchedule.OpeningProbes - 1, ProbeSchedule.OpeningProbes);
        scene.Check(scene.Network.RunUntil(() => !DirectOf(scene).IsBeingProbed, TimeSpan.FromSeconds(30)), "it does not end");

        PathReport pair = DirectOf(scene);
        Assert.Equal((PathStage.Failed, false, false), (pair.Stage, pair.IsCurrent, pair.IsProven));
        Assert.InRange((int)pair.Tally.Sent, 2 * ProbeSchedule.OpeningProbes, 3 * ProbeSchedule.OpeningProbes);
        Assert.Equal((0u, 0u), (pair.Tally.Received, pair.Tally.Answered));
        Assert.Null(pair.Tally.FirstHeardAt);
        Assert.Null(pair.Tally.RoundTrip);
    }

    [Fact]
    public void A_pair_that_lets_packets_through_in_one_direction_is_heard_and_not_answered()
    {
        Scene scene = Scene.Connected(3, Relay);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Network.SetLink(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        scene.Connection.AddLocalCandidate(new Candidate(Scene.ClientDirect, CandidateKind.Host));
        scene.HostConnection.AddLocalCandidate(new Candidate(Scene.HostDirect, CandidateKind.Host));
        scene.Network.RunFor(TimeSpan.FromSeconds(4));

        PathReport pair = DirectOf(scene);
        Assert.False(pair.IsProven);
        Assert.InRange(pair.Tally.Sent, 5u, (uint)ProbeSchedule.OpeningProbes);
        Assert.InRange(pair.Tally.Received, 5u, (uint)ProbeSchedule.OpeningProbes);
        Assert.NotNull(pair.Tally.FirstHeardAt);
        Assert.Equal(0u, pair.Tally.Answered);
    }

    [Fact]
    public void A_pair_that_worked_and_died_is_known_to_have_worked()
    {
        Scene scene = Scene.Connected(7, Relay);
        scene.OfferDirect(Direct);
        scene.Network.RunFor(Relay.Delay + Direct.Delay);
        Assert.False(DirectOf(scene).WasValidated);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(DirectOf(scene).WasValidated);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Connection.TrySendDatagram([1]);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.Kind == PathKind.Relay, TimeSpan.FromSeconds(5)), "direct over a dead link");
        scene.Check(scene.Network.RunUntil(() => DirectOf(scene).Stage == PathStage.Failed, TimeSpan.FromSeconds(30)), "it is probed all the time");
        Assert.True(DirectOf(scene) is { IsProven: true, WasValidated: true });
    }

    [Theory]
    [InlineData("127.0.0.1", 5000, CandidateVerdict.Loopback)]
    [InlineData("198.51.100.1", 53, CandidateVerdict.LowPort)]
    [InlineData("224.0.0.251", 5000, CandidateVerdict.NoMachine)]
    [InlineData("169.254.3.4", 5000, CandidateVerdict.OtherLink)]
    [InlineData("198.51.100.1", 5000, CandidateVerdict.Probe)]
    [InlineData("10.9.9.1", 5000, CandidateVerdict.Probe)]
    public void A_candidate_that_may_not_be_probed_is_told_with_the_reason(string address, int port, object verdict)
    {
        Scene scene = Scene.Connected(4, Relay);
        scene.Say(fromClient: false, Tell(1000, address, port));
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(verdict, Assert.Single(Report(scene).Theirs).Verdict);
    }

    [Fact]
    public void What_goes_beyond_a_bound_is_told_with_the_bound()
    {
        Scene scene = Scene.Connected(5, Relay);
        for (int i = 1; i <= 3; i++)
            scene.Say(fromClient: false, Tell(1000 + i, $"10.9.9.{i}", 5000));
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([CandidateVerdict.Probe, CandidateVerdict.Probe, CandidateVerdict.TooManyPrivate], Report(scene).Theirs.Select(told => told.Verdict).Order());
    }

    [Fact]
    public void Withdrawn_candidates_are_not_among_them()
    {
        Scene scene = Scene.Connected(6, Relay);
        scene.OfferDirect(Dead);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Connection.RemoveLocalCandidate(Scene.ClientDirect);
        scene.HostConnection.RemoveLocalCandidate(Scene.HostDirect);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        ProbingReport report = Report(scene);
        Assert.Empty(report.Ours);
        Assert.Empty(report.Theirs);
        Assert.Equal(PathKind.Relay, Assert.Single(report.Paths).Network.Kind);
    }

    private static ProbingReport Report(Scene scene) => scene.Connection.ReportProbing(scene.Network.Now);

    private static PathReport DirectOf(Scene scene) => Assert.Single(Report(scene).Paths, path => path.Network.Kind == PathKind.Direct);

    private static byte[] Tell(int sequence, string address, int port)
    {
        var writer = new WireWriter(new byte[40]);
        new CandidateFrame((ulong)sequence, new Candidate(new UdpAddress(System.Net.IPAddress.Parse(address), port), CandidateKind.Host)).Write(ref writer);
        return writer.Written.ToArray();
    }
}
