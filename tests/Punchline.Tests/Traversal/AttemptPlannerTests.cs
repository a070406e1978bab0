using System.Net;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What is tried next, and when, from what is known.</summary>
public sealed class AttemptPlannerTests
{
    private static readonly NatReport Strict = new(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, true, false, true);
    private static readonly NatReport Scattered = new(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, true, false, true, PortAllocation.Random);
    private static readonly NatReport Foretold = Scattered with { Allocation = PortAllocation.Sequential, Step = 1 };
    private static readonly UdpAddress Here = Address("198.51.100.1");
    private static readonly UdpAddress There = Address("203.0.113.1");

    private readonly SprayGate _gate = new(isAllowed: true);
    private readonly WhatWorked _worked = new();
    private readonly AttemptPlanner _planner;
    private Instant _now = Instant.Zero + TimeSpan.FromMinutes(1);

    public AttemptPlannerTests() => _planner = new AttemptPlanner(isClient: true, _gate, _worked);

    [Fact]
    public void Nothing_is_planned_before_all_is_known()
    {
        _planner.OnPath(isDirect: false, _now);
        Assert.Null(_planner.Next);
        _planner.SetOurs(Strict, Here, _now);
        Assert.Null(_planner.Next);
        _planner.SetPeers(Strict);
        Assert.Null(_planner.Next);
        _planner.SetPeerAddress(There, _now);
        Assert.NotNull(_planner.Next);
        _planner.OnPath(isDirect: true, _now);
        Assert.Null(_planner.Next);
    }

    [Fact]
    public void Plain_probing_has_its_time_first_where_it_may_work()
    {
        Relayed(Strict, Strict);
        Assert.Equal(new PlannedAttempt(TraversalMethod.Exchange, _now + TraversalLimits.PlainPatience), _planner.Next);
    }

    [Fact]
    public void Where_it_cannot_candidates_have_just_the_time_to_be_told()
    {
        Relayed(Strict, Foretold);
        Assert.Equal(new PlannedAttempt(TraversalMethod.Exchange, _now + TraversalLimits.Settling), _planner.Next);
    }

    [Fact]
    public void What_worked_between_two_networks_comes_first_and_soon()
    {
        var uncertain = Strict with { Mapping = NatMapping.PortIndependent };
        Relayed(uncertain, uncertain);
        Assert.Equal(TraversalMethod.Exchange, _planner.Next!.Value.Method);
        _planner.OnMet(There, TraversalMethod.HostOpens);
        _planner.Reconsider();
        Assert.Equal(new PlannedAttempt(TraversalMethod.HostOpens, _now + TraversalLimits.Settling), _planner.Next);
        // Once: what has just failed is no better than the others.
        _planner.OnEnded(_now, wasMade: true, TraversalLimits.AttemptPause);
        _planner.Reconsider();
        Assert.Equal(TraversalMethod.ClientOpens, _planner.Next!.Value.Method);
    }

    [Fact]
    public void A_peer_that_has_no_time_is_asked_less_and_less_often()
    {
        Relayed(Strict, Foretold);
        int[] pauses = [5, 10, 20, 40, 60, 60];
        foreach (int pause in pauses)
        {
            _now = _planner.Next!.Value.At;
            _planner.OnDeclined(TraversalMethod.Exchange, TraverseAnswer.Later, _now);
            Assert.Equal(_now + TimeSpan.FromSeconds(pause), _planner.Next!.Value.At);
        }
    }

    [Fact]
    public void A_method_that_the_peer_never_takes_part_in_is_not_proposed_again_on_this_network()
    {
        Relayed(Strict, Scattered);
        Assert.Equal(TraversalMethod.HostOpens, _planner.Next!.Value.Method);
        _planner.OnDeclined(TraversalMethod.HostOpens, TraverseAnswer.Never, _now);
        Assert.Null(_planner.Next);
        _planner.SetPeerAddress(Address("203.0.113.2"), _now);
        Assert.Equal(TraversalMethod.HostOpens, _planner.Next!.Value.Method);
    }

    [Fact]
    public void After_so_many_attempts_nothing_is_tried_until_a_network_is_another_one()
    {
        Relayed(Strict, Strict);
        for (int i = 0; i < TraversalLimits.MaxAttempts; i++)
        {
            Assert.NotNull(_planner.Next);
            _planner.OnEnded(_now, wasMade: true, TraversalLimits.AttemptPause);
        }
        Assert.Null(_planner.Next);
        _planner.SetOurs(Strict, Address("198.51.100.2"), _now);
        Assert.NotNull(_planner.Next);
    }

    [Fact]
    public void The_birthday_method_waits_for_the_gate()
    {
        Relayed(Strict, Scattered);
        Assert.True(_gate.TryEnter(this, _now));
        _planner.Reconsider();
        Assert.Equal(_gate.FreeAt, _planner.Next!.Value.At);
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("198.51.100.1")]
    public void Where_no_NAT_of_the_peers_can_be_nothing_is_tried_nor_agreed_to(string address)
    {
        Relayed(Strict, Strict);
        Assert.Equal(TraverseAnswer.Ready, _planner.Judge(TraversalMethod.Exchange, _now));
        _planner.SetPeerAddress(Address(address), _now);
        Assert.Null(_planner.Next);
        Assert.Equal(TraverseAnswer.Later, _planner.Judge(TraversalMethod.Exchange, _now));
    }

    [Fact]
    public void A_host_answers_and_proposes_nothing()
    {
        var host = new AttemptPlanner(isClient: false, new SprayGate(isAllowed: false), _worked);
        host.OnPath(isDirect: false, _now);
        host.SetOurs(Strict, Here, _now);
        host.SetPeers(Strict);
        host.SetPeerAddress(There, _now);
        Assert.Null(host.Next);
        Assert.Equal(TraverseAnswer.Ready, host.Judge(TraversalMethod.Exchange, _now));
        Assert.Equal(TraverseAnswer.Never, host.Judge(TraversalMethod.ClientOpens, _now));
        Assert.Equal(TraverseAnswer.Never, host.Judge((TraversalMethod)9, _now));
        host.OnEnded(_now, wasMade: true, TraversalLimits.AttemptPause);
        Assert.Equal(TraverseAnswer.Later, host.Judge(TraversalMethod.Exchange, _now));
        Assert.Equal(TraverseAnswer.Ready, host.Judge(TraversalMethod.Exchange, _now + TraversalLimits.AttemptPause));
        host.End();
        Assert.Equal(TraverseAnswer.Later, host.Judge(TraversalMethod.Exchange, _now + TraversalLimits.AttemptPause));
    }

    private void Relayed(in NatReport ours, in NatReport peers)
    {
        _planner.SetOurs(ours, Here, _now);
        _planner.SetPeers(peers);
        _planner.SetPeerAddress(There, _now);
        _planner.OnPath(isDirect: false, _now);
    }

    private static UdpAddress Address(string text) => new(IPAddress.Parse(text), 40_000);
}
