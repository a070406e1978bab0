using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>The simulated NAT does what RFC 4787 calls its behavior.</summary>
public sealed class NatBoxTests
{
    private static readonly UdpAddress Outside = Address(198, 51, 100, 1, 0);
    private static readonly UdpAddress Inside = Address(10, 0, 1, 2, 4_000);
    private static readonly UdpAddress Remote = Address(203, 0, 113, 9, 3_478);
    private static readonly UdpAddress OtherPort = Remote.WithPort(3_479);
    private static readonly UdpAddress OtherHost = Address(203, 0, 113, 10, 3_478);
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromSeconds(1);

    /// <summary>RFC 4787 section 4.1.</summary>
    [Theory]
    [InlineData(NatDependence.Independent, true, true)]
    [InlineData(NatDependence.Address, true, false)]
    [InlineData(NatDependence.AddressAndPort, false, false)]
    public void A_mapping_is_used_again_as_its_kind_says(NatDependence mapping, bool forOtherPort, bool forOtherHost)
    {
        NatBox nat = Make(new NatBehavior { Mapping = mapping, Ports = NatPorts.Sequential });
        UdpAddress first = Leave(nat, Remote);
        Assert.Equal(first, Leave(nat, Remote));
        Assert.Equal(forOtherPort, Leave(nat, OtherPort) == first);
        Assert.Equal(forOtherHost, Leave(nat, OtherHost) == first);
    }

    /// <summary>RFC 4787 section 5.</summary>
    [Theory]
    [InlineData(NatDependence.Independent, true, true)]
    [InlineData(NatDependence.Address, true, false)]
    [InlineData(NatDependence.AddressAndPort, false, false)]
    public void A_filter_lets_in_as_its_kind_says(NatDependence filtering, bool otherPort, bool otherHost)
    {
        NatBox nat = Make(new NatBehavior { Filtering = filtering });
        UdpAddress mapped = Leave(nat, Remote);
        Assert.True(nat.TryEnter(Start, mapped, Remote, out UdpAddress inside));
        Assert.Equal(Inside, inside);
        Assert.Equal(otherPort, nat.TryEnter(Start, mapped, OtherPort, out _));
        Assert.Equal(otherHost, nat.TryEnter(Start, mapped, OtherHost, out _));
        Assert.False(nat.TryEnter(Start, mapped.WithPort((ushort)(mapped.Port + 1)), Remote, out _));
    }

    /// <summary>RFC 4787 section 4.3: what leaves refreshes, what comes in does not.</summary>
    [Fact]
    public void A_mapping_dies_of_silence_from_inside()
    {
        NatBox nat = Make(new NatBehavior { Lifetime = TimeSpan.FromSeconds(30), Ports = NatPorts.Sequential });
        UdpAddress mapped = Leave(nat, Remote);
        Assert.True(nat.TryLeave(Start + TimeSpan.FromSeconds(29), Inside, Remote, out UdpAddress again));
        Assert.Equal(mapped, again);
        Assert.True(nat.TryEnter(Start + TimeSpan.FromSeconds(58), mapped, Remote, out _));
        Assert.False(nat.TryEnter(Start + TimeSpan.FromSeconds(59), mapped, Remote, out _));
        Assert.True(nat.TryLeave(Start + TimeSpan.FromSeconds(60), Inside, Remote, out UdpAddress later));
        Assert.NotEqual(mapped, later);
    }

    /// <summary>RFC 4787 section 4.2.</summary>
    [Fact]
    public void Ports_are_given_out_as_their_kind_says()
    {
        NatBox preserving = Make(new NatBehavior { Mapping = NatDependence.AddressAndPort, Ports = NatPorts.Preserving });
        Assert.Equal(Inside.Port, Leave(preserving, Remote).Port);
        Assert.Equal(Inside.Port + 1, Leave(preserving, OtherPort).Port);

        NatBox sequential = Make(new NatBehavior { Mapping = NatDependence.AddressAndPort, Ports = NatPorts.Sequential });
        ushort first = Leave(sequential, Remote).Port;
        Assert.Equal(first + 1, Leave(sequential, OtherPort).Port);

        NatBox random = Make(new NatBehavior { Mapping = NatDependence.AddressAndPort, Ports = NatPorts.Random });
        Assert.True(Math.Abs(Leave(random, Remote).Port - Leave(random, OtherPort).Port) > 1);
    }

    [Theory]
    [InlineData(NatPorts.Preserving)]
    [InlineData(NatPorts.Sequential)]
    [InlineData(NatPorts.Random)]
    public void After_a_rebinding_the_old_mapping_is_dead_and_the_new_one_another(NatPorts ports)
    {
        NatBox nat = Make(new NatBehavior { Ports = ports });
        UdpAddress before = Leave(nat, Remote);
        nat.Rebind();
        Assert.False(nat.TryEnter(Start, before, Remote, out _));
        Assert.NotEqual(before, Leave(nat, Remote));
    }

    [Fact]
    public void After_a_move_its_outside_address_is_another_one()
    {
        NatBox nat = Make(new NatBehavior());
        UdpAddress before = Leave(nat, Remote);
        nat.Move(OtherHost);
        Assert.True(Leave(nat, Remote).SameHost(OtherHost));
        Assert.False(nat.TryEnter(Start, before, Remote, out _));
    }

    [Fact]
    public void Its_memory_has_a_bound_and_the_dead_make_room()
    {
        NatBox nat = Make(new NatBehavior { Mapping = NatDependence.AddressAndPort, Lifetime = TimeSpan.FromSeconds(10) });
        int taken = 0;
        for (int port = 1; port <= 2_000; port++)
            taken += nat.TryLeave(Start, Inside, Remote.WithPort((ushort)port), out _) ? 1 : 0;
        Assert.Equal(1024, taken);
        Assert.True(nat.TryLeave(Start + TimeSpan.FromSeconds(11), Inside, OtherHost, out _));
        Assert.Equal(1, nat.MappingCount);
    }

    private static NatBox Make(NatBehavior behavior) => new(Outside, behavior, new SeededRandomness(5));

    private static UdpAddress Leave(NatBox nat, UdpAddress remote)
    {
        Assert.True(nat.TryLeave(Start, Inside, remote, out UdpAddress source));
        return source;
    }

    private static UdpAddress Address(byte a, byte b, byte c, byte d, ushort port) => UdpAddress.FromBytes([a, b, c, d], 0, port);
}
