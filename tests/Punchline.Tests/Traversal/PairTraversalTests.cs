using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>Two peers meet through NATs where plain probing does not suffice: in virtual time, from seeds.</summary>
public sealed class PairTraversalTests
{
    private static readonly NatBehavior Strict = new() { Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };
    private static readonly NatBehavior Counting = new() { Mapping = NatDependence.AddressAndPort, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Sequential };
    private static readonly NatBehavior Hard = new() { Mapping = NatDependence.AddressAndPort, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };
    private static readonly NatBehavior ByAddress = new() { Mapping = NatDependence.Address, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };

    public static TheoryData<NatBehavior, NatBehavior, int> Foretold => new()
    {
        { Strict, Strict, 2 },
        { Strict, Counting, 1 },
        { Counting, Strict, 1 },
        { Counting, Counting, 1 },
    };

    [Theory, MemberData(nameof(Foretold))]
    public void Where_ports_can_be_foretold_they_meet_within_a_second_of_the_start(NatBehavior client, NatBehavior host, int startsWithin)
    {
        var place = new MeetingPlace(client, host);
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(startsWithin + 1)));
        Assert.Equal(TraversalMethod.Exchange, place.Client.Worked.Find(place.Client.Outside, place.Host.Outside));
        Assert.Equal(TraversalMethod.Exchange, place.Host.Worked.Find(place.Host.Outside, place.Client.Outside));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public void Flows_of_others_between_the_question_and_the_start_are_within_the_window_of_a_steady_peer(int others)
    {
        var place = new MeetingPlace(Strict, Counting);
        place.Client.Alter = message =>
        {
            for (int i = 0; i < others && message is TraverseGo; i++)
                place.Host.Nat.TryLeave(place.Now, UdpAddress.FromBytes([10, 0, 2, 9], 0, (ushort)(4_000 + i)), MeetingPlace.Server, out _);
            return message;
        };
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void Two_NATs_that_count_meet_at_the_second_attempt_where_the_first_was_disturbed()
    {
        var place = new MeetingPlace(Counting, Counting);
        bool disturbed = false;
        place.Client.Alter = message =>
        {
            if (message is TraverseGo && !disturbed)
                disturbed = place.Host.Nat.TryLeave(place.Now, UdpAddress.FromBytes([10, 0, 2, 9], 0, 4_000), MeetingPlace.Server, out _);
            return message;
        };
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(15)));
        Assert.Equal(2, place.Host.Heard.OfType<Traverse>().Count());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_birthday_method_meets_in_nine_of_ten_attempts_and_keeps_to_its_flows(bool clientIsHard)
    {
        int met = 0;
        const int Seeds = 40;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            var place = clientIsHard ? new MeetingPlace(Hard, Strict, seed) : new MeetingPlace(Strict, Hard, seed);
            place.Connect();
            met += place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(12)) ? 1 : 0;
            Side hard = clientIsHard ? place.Client : place.Host;
            Assert.True(hard.Nat.MappingCount <= TraversalLimits.OpenedSockets + 2);
            Assert.True(hard.Other.Probes.Select(probe => probe.To).Distinct().Count() <= TraversalLimits.SprayedPorts);
            Assert.True(hard.Other.Nat.MappingCount <= 2);
        }
        Assert.True(met >= Seeds * 9 / 10, $"{met} of {Seeds}");
    }

    [Fact]
    public void A_mapping_for_each_address_is_met_by_the_birthday_method()
    {
        int met = 0;
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var place = new MeetingPlace(ByAddress, Strict, seed);
            place.Connect();
            met += place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(12)) ? 1 : 0;
        }
        Assert.True(met >= 8, $"{met} of 10");
    }

    [Fact]
    public void When_they_have_met_every_socket_but_the_one_that_met_is_closed_and_nothing_more_leaves()
    {
        var place = new MeetingPlace(Hard, Strict, 3);
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(12)));
        int probes = place.Client.Probes.Count + place.Host.Probes.Count;
        place.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal(probes, place.Client.Probes.Count + place.Host.Probes.Count);
        Assert.Single(place.Client.Sockets, socket => !socket.Disposed);
        Assert.Single(place.Host.Sockets, socket => !socket.Disposed);
        Assert.Equal(Instant.Never, place.Client.Traversal.NextTimeout);
        place.Client.Traversal.End();
        place.Host.Traversal.End();
        Assert.All(place.Client.Sockets.Concat(place.Host.Sockets), socket => Assert.True(socket.Disposed));
    }

    [Fact]
    public void Random_against_random_is_not_tried()
    {
        var place = new MeetingPlace(Hard, Hard);
        place.Connect();
        place.RunFor(TimeSpan.FromMinutes(2));
        Assert.Empty(place.Host.Heard);
        Assert.Empty(place.Client.Sockets);
    }

    [Fact]
    public void Switched_off_on_either_side_nothing_is_sprayed()
    {
        foreach (bool atClient in new[] { true, false })
        {
            var place = new MeetingPlace(Hard, Strict, 1, spraysClient: !atClient, spraysHost: atClient);
            place.Connect();
            place.RunFor(TimeSpan.FromMinutes(2));
            Assert.Empty(place.Client.Probes);
            Assert.Empty(place.Host.Probes);
            // The host says it once; the client does not ask again.
            Assert.True(place.Host.Heard.Count <= 1);
        }
    }

    [Fact]
    public void What_fails_is_tried_six_times_and_then_left_until_the_network_is_another_one()
    {
        var place = new MeetingPlace(Strict, Hard);
        place.Host.Alter = static message => message is TraverseReady ready ? ready with { Ports = [] } : message;
        place.Client.Alter = static message => message is TraverseGo go ? go with { Ports = [] } : message;
        place.Connect();
        place.RunFor(TimeSpan.FromMinutes(10));
        Assert.False(place.HaveMet);
        Assert.Equal(TraversalLimits.MaxAttempts, place.Host.Heard.OfType<TraverseGo>().Count());
        Assert.Equal(TraversalLimits.MaxAttempts * TraversalLimits.SprayedPorts, place.Client.Probes.Count);
        Assert.All(place.Client.Sockets, socket => Assert.True(socket.Disposed));
        // Our address is another one.
        place.Client.Traversal.SetOurs(place.Client.Report, UdpAddress.FromBytes([203, 0, 113, 77], 0, 50_000));
        place.RunFor(TimeSpan.FromMinutes(1));
        Assert.True(place.Host.Heard.OfType<TraverseGo>().Count() > TraversalLimits.MaxAttempts);
    }

    [Theory]
    [InlineData(typeof(Traverse))]
    [InlineData(typeof(TraverseReady))]
    [InlineData(typeof(TraverseGo))]
    public void An_attempt_whose_message_never_comes_is_given_up_and_the_next_one_meets(Type lost)
    {
        var place = new MeetingPlace(Strict, Counting);
        int toLose = 1;
        TunnelMessage? Lose(TunnelMessage message) => message.GetType() == lost && toLose-- > 0 ? null : message;
        (place.Client.Alter, place.Host.Alter) = (Lose, Lose);
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void After_a_loss_of_the_direct_path_what_worked_is_tried_first()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Connect();
        Assert.True(place.RunUntil(() => place.HaveMet, TimeSpan.FromSeconds(5)));
        int asked = place.Host.Heard.OfType<Traverse>().Count();
        place.RunFor(TimeSpan.FromSeconds(10));
        place.Connect(); // The relay again.
        Instant lost = place.Now;
        Assert.True(place.RunUntil(() => place.Host.Heard.OfType<Traverse>().Count() > asked, TimeSpan.FromSeconds(5)));
        Assert.True(place.Now - lost < TraversalLimits.PlainPatience);
    }
}
