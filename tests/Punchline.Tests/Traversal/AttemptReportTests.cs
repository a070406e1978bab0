using Punchline.Quic;
using Punchline.Testing;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What is remembered of attempts, for whoever explains them.</summary>
public sealed class AttemptReportTests
{
    private static readonly NatBehavior Strict = new() { Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };
    private static readonly NatBehavior Counting = new() { Mapping = NatDependence.AddressAndPort, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Sequential };
    private static readonly NatBehavior Hard = new() { Mapping = NatDependence.AddressAndPort, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };

    [Fact]
    public void An_attempt_that_met_is_told_with_what_it_took()
    {
        var place = new MeetingPlace(Strict, Counting);
        Instant start = place.Now;
        place.Connect();
        Assert.Equal(TraversalMethod.Exchange, place.Client.Traversal.Next);
        Assert.Empty(place.Client.Traversal.Reports);
        Assert.True(place.RunUntil(() => place.Client.Traversal.Reports.Count > 0, TimeSpan.FromSeconds(1)));
        Assert.Equal(AttemptOutcome.Running, place.Client.Traversal.Reports[0].Outcome);
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(2)));
        AttemptReport report = Assert.Single(place.Client.Traversal.Reports);
        Assert.Equal((TraversalMethod.Exchange, AttemptOutcome.Met, 1), (report.Method, report.Outcome, report.Sockets));
        // The host foretells ten ports; each got one opening packet at least.
        Assert.Equal(TraversalLimits.ForetoldPorts, report.Ports);
        Assert.InRange(report.Probes, TraversalLimits.ForetoldPorts, 6 * TraversalLimits.ForetoldPorts);
        Assert.Equal(start + TraversalLimits.Settling, report.BeganAt);
        Assert.Equal(TraversalMethod.None, place.Client.Traversal.Next);
        Assert.Equal(AttemptOutcome.Met, Assert.Single(place.Host.Traversal.Reports).Outcome);
    }

    [Fact]
    public void One_that_the_host_takes_no_part_in_is_refused()
    {
        var place = new MeetingPlace(Hard, Strict, spraysHost: false);
        place.Connect();
        place.RunFor(TimeSpan.FromSeconds(5));
        AttemptReport report = Assert.Single(place.Client.Traversal.Reports);
        Assert.Equal((TraversalMethod.ClientOpens, AttemptOutcome.Refused, 0), (report.Method, report.Outcome, report.Probes));
        Assert.Equal(TraversalMethod.None, place.Client.Traversal.Next);
    }

    [Fact]
    public void A_birthday_attempt_that_misses_has_opened_and_sent_all_that_it_may()
    {
        var place = new MeetingPlace(Hard, Strict);
        // The host begins, and nothing of its arrives.
        place.Client.Alter = message => message is Punchline.Protocol.TraverseGo ? null : message;
        place.Connect();
        Assert.True(place.RunUntil(() => place.Client.Traversal.Reports is [{ Outcome: AttemptOutcome.Missed }], TimeSpan.FromSeconds(20)));
        AttemptReport report = place.Client.Traversal.Reports[0];
        Assert.Equal((TraversalMethod.ClientOpens, TraversalLimits.OpenedSockets, 1), (report.Method, report.Sockets, report.Ports));
        Assert.Equal(2 * TraversalLimits.OpenedSockets, report.Probes);
        Assert.Equal(AttemptOutcome.NoAnswer, Assert.Single(place.Host.Traversal.Reports).Outcome);
    }

    [Fact]
    public void No_more_are_remembered_than_two_networks_see()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Client.Alter = message => message is Punchline.Protocol.Traverse ? null : message;
        place.Connect();
        // Each change of the peer's address begins anew; none is answered.
        for (int network = 0; network < 4; network++)
        {
            place.Client.Traversal.SetPeerAddress(UdpAddress.FromBytes([198, 51, 100, (byte)(50 + network)], 0, 50_000));
            place.RunFor(TimeSpan.FromSeconds(70));
        }
        Assert.Equal(2 * TraversalLimits.MaxAttempts, place.Client.Traversal.Reports.Count);
        Assert.All(place.Client.Traversal.Reports, report => Assert.Equal(AttemptOutcome.NoAnswer, report.Outcome));
    }
}
