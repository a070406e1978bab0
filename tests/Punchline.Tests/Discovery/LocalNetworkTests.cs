using System.Collections.Immutable;
using System.Net.NetworkInformation;
using Punchline.Discovery;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Discovery;

/// <summary>What is offered, what is on-link and what is our own, from a given list of addresses.</summary>
public sealed class LocalNetworkTests
{
    [Fact]
    public void A_home_computer_offers_its_best_addresses_first()
    {
        LocalNetwork network = Network(
            Loopback("127.0.0.1", 8),
            Loopback("::1", 128),
            Virtual("172.17.0.1", 16, "docker0"),
            Card("192.168.1.5", 24),
            Card("fe80::5%2", 64),
            Card("2001:db8:1::d", 64, AddressTraits.Temporary | AddressTraits.Deprecated),
            Card("2001:db8:1::5", 64),
            Card("2001:db8:1::e", 64, AddressTraits.Temporary),
            Card("2001:db8:1::f", 64, AddressTraits.Temporary),
            Card("2001:db8:1::6", 64),
            Card("2001:db8:1::7", 64, AddressTraits.Tentative),
            Card("fd00::5", 64),
            Card("fd00::e", 64, AddressTraits.Temporary),
            Virtual("10.8.0.2", 24, "tun0"),
            Virtual("fd08::2", 64, "tun0"));
        Assert.Equal(
            [
                "2001:db8:1::e", "2001:db8:1::5", "192.168.1.5", "fd00::e", "fd00::5", "172.17.0.1", "10.8.0.2", "fd08::2",
            ],
            network.Usable.Select(entry => entry.Address.ToIPAddress().ToString()));
    }

    [Fact]
    public void Loopback_is_offered_only_where_it_is_allowed_and_then_last()
    {
        InterfaceAddress[] addresses = [Loopback("127.0.0.1", 8), Card("192.0.2.5", 24), Loopback("::1", 128)];
        Assert.Equal(["192.0.2.5"], Texts(new LocalNetwork(addresses, allowsLoopback: false).Usable));
        Assert.Equal(["192.0.2.5", "::1", "127.0.0.1"], Texts(new LocalNetwork(addresses, allowsLoopback: true).Usable));
        Assert.False(new LocalNetwork(addresses, allowsLoopback: false).IsOnLink(Address("127.0.0.9")));
        Assert.True(new LocalNetwork(addresses, allowsLoopback: true).IsOnLink(Address("127.0.0.9")));
        Assert.True(new LocalNetwork(addresses, allowsLoopback: true).IsOnLink(Address("::1")));
    }

    [Fact]
    public void An_address_that_nobody_assigned_comes_after_the_assigned_ones()
    {
        LocalNetwork network = Network(Card("169.254.7.7", 16), Card("192.168.1.5", 24), Virtual("10.0.0.1", 8, "wg0"));
        Assert.Equal(["192.168.1.5", "169.254.7.7", "10.0.0.1"], Texts(network.Usable));
    }

    [Fact]
    public void No_more_addresses_are_offered_than_a_peer_keeps()
    {
        LocalNetwork network = Network([.. Enumerable.Range(1, 100).Select(i => Card($"10.0.0.{i}", 24)), Card("2001:db8::1", 64)]);
        Assert.Equal(LocalNetwork.MaxHostAddresses, network.Usable.Length);
        Assert.Equal("2001:db8::1", Texts(network.Usable)[0]);
        Assert.True(network.IsOwn(Address("10.0.0.100")));
    }

    [Theory]
    [InlineData("192.168.1.77", true)]
    [InlineData("192.168.1.77", true, 40_000)]
    [InlineData("192.168.2.77", false)]
    [InlineData("10.8.0.9", true)]
    [InlineData("172.16.9.1", false)]
    [InlineData("2001:db8:1::abcd", true)]
    [InlineData("2001:db8:2::abcd", false)]
    [InlineData("fe80::9%2", true)]
    [InlineData("fe80::9%3", false)]
    [InlineData("fe80::9", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("169.254.1.1", false)]
    [InlineData("8.8.8.8", false)]
    public void On_link_is_what_shares_a_prefix_with_one_of_ours(string address, bool expected, int port = 0)
    {
        LocalNetwork network = Network(
            Loopback("127.0.0.1", 8),
            Card("192.168.1.5", 24),
            Card("2001:db8:1::5", 64, AddressTraits.Deprecated),
            Card("fe80::5%2", 64),
            Virtual("10.8.0.2", 24, "tun0"),
            Virtual("172.16.9.2", 32, "tun1"),
            Virtual("100.64.0.1", 0, "tun2"));
        Assert.Equal(expected, network.IsOnLink(Address(address, port)));
    }

    [Fact]
    public void Own_is_every_address_of_this_machine_whatever_the_port()
    {
        LocalNetwork network = Network(
            Loopback("127.0.0.1", 8), Card("192.168.1.5", 24), Card("2001:db8::d", 64, AddressTraits.Deprecated), Card("fe80::5%2", 64));
        Assert.True(network.IsOwn(Address("192.168.1.5", 9)));
        Assert.True(network.IsOwn(Address("2001:db8::d", 9)));
        Assert.True(network.IsOwn(Address("fe80::5%2", 9)));
        Assert.True(network.IsOwn(Address("127.9.9.9", 9)));
        Assert.True(network.IsOwn(Address("::1")));
        Assert.False(network.IsOwn(Address("192.168.1.6", 9)));
        Assert.False(network.IsOwn(Address("fe80::5%3", 9)));
        Assert.False(network.IsOwn(default));
    }

    [Fact]
    public void Host_candidates_are_those_that_the_socket_hears()
    {
        LocalNetwork network = Network(Card("192.168.1.5", 24), Card("2001:db8::5", 64), Virtual("10.8.0.2", 24, "tun0"));
        OwnCandidate ofCard = new(Address("192.168.1.5", 7000), CandidateKind.Host);
        OwnCandidate ofTunnel = new(Address("10.8.0.2", 7000), CandidateKind.Host, InterfaceKind.Virtual);
        OwnCandidate ofIPv6 = new(Address("2001:db8::5", 7001), CandidateKind.Host);
        Assert.Equal([ofCard, ofTunnel], network.HostCandidates(Address("0.0.0.0", 7000)));
        Assert.Equal([ofIPv6], network.HostCandidates(Address("::", 7001)));
        Assert.Equal([ofTunnel], network.HostCandidates(Address("10.8.0.2", 7000)));
        Assert.Equal([ofIPv6, ofCard, ofTunnel], network.HostCandidates(Address("0.0.0.0", 7000), Address("::", 7001)));
        Assert.Empty(network.HostCandidates(Address("127.0.0.1", 7003)));
        Assert.Empty(network.HostCandidates(default));
    }

    [Theory]
    [InlineData("192.168.1.5", "192.168.1.77", PathReach.OnLink)]
    [InlineData("2001:db8:1::e", "2001:db8:1::77", PathReach.OnLink)]
    [InlineData("192.168.1.5", "192.168.2.77", PathReach.Private)]
    [InlineData("192.168.1.5", "100.64.2.2", PathReach.Private)]
    [InlineData("192.168.1.5", "198.51.100.7", PathReach.Public)]
    [InlineData("2001:db8:1::e", "2001:db8:2::77", PathReach.Public)]
    [InlineData("10.8.0.2", "10.8.0.9", PathReach.Virtual)]
    [InlineData("10.8.0.2", "198.51.100.7", PathReach.Virtual)]
    [InlineData("192.168.1.5", "10.8.0.9", PathReach.Private)]
    [InlineData("", "192.168.1.77", PathReach.OnLink)]
    [InlineData("", "10.8.0.9", PathReach.Virtual)]
    [InlineData("", "198.51.100.7", PathReach.Public)]
    [InlineData("192.0.2.200", "192.168.1.77", PathReach.OnLink)]
    public void Addresses_tell_how_far_a_path_goes(string local, string remote, PathReach expected)
    {
        LocalNetwork network = Network(
            Loopback("127.0.0.1", 8),
            Card("192.168.1.5", 24),
            Card("2001:db8:1::5", 64),
            Card("2001:db8:1::e", 128, AddressTraits.Temporary),
            Virtual("10.8.0.2", 24, "tun0"));
        Assert.Equal(expected, network.ReachOf(local.Length == 0 ? default : Address(local), Address(remote, 40_000)));
    }

    [Fact]
    public void Snapshots_are_equal_if_their_addresses_are()
    {
        LocalNetwork network = Network(Card("192.168.1.5", 24), Card("2001:db8::5", 64));
        Assert.Equal(network, Network(Card("192.168.1.5", 24), Card("2001:db8::5", 64)));
        Assert.Equal(network.GetHashCode(), Network(Card("192.168.1.5", 24), Card("2001:db8::5", 64)).GetHashCode());
        Assert.NotEqual(network, Network(Card("192.168.1.5", 24)));
        Assert.NotEqual(network, Network(Card("192.168.1.5", 24), Card("2001:db8::5", 64, AddressTraits.Deprecated)));
        Assert.NotEqual(network, new LocalNetwork([Card("192.168.1.5", 24), Card("2001:db8::5", 64)], allowsLoopback: true));
    }

    [Theory]
    [InlineData("eth0", "", NetworkInterfaceType.Ethernet, 0)]
    [InlineData("enp3s0", "enp3s0", NetworkInterfaceType.Ethernet, 0)]
    [InlineData("wlan0", "", NetworkInterfaceType.Wireless80211, 0)]
    [InlineData("br0", "", NetworkInterfaceType.Ethernet, 0)]
    [InlineData("Ethernet", "Intel(R) Ethernet Connection I219-V", NetworkInterfaceType.Ethernet, 0)]
    [InlineData("docker0", "", NetworkInterfaceType.Ethernet, 1)]
    [InlineData("br-1a2b3c", "", NetworkInterfaceType.Ethernet, 1)]
    [InlineData("wg0", "", NetworkInterfaceType.Unknown, 1)]
    [InlineData("utun3", "", NetworkInterfaceType.Unknown, 1)]
    [InlineData("mystery", "", NetworkInterfaceType.Tunnel, 1)]
    [InlineData("vEthernet (WSL)", "Hyper-V Virtual Ethernet Adapter", NetworkInterfaceType.Ethernet, 1)]
    [InlineData("Ethernet 3", "VMware Virtual Ethernet Adapter for VMnet8", NetworkInterfaceType.Ethernet, 1)]
    [InlineData("lo", "", NetworkInterfaceType.Loopback, 2)]
    public void Virtual_adapters_are_known_by_their_names(string name, string description, NetworkInterfaceType type, int expected) =>
        Assert.Equal((InterfaceKind)expected, VirtualAdapter.KindOf(name, description, type));

    private static UdpAddress Address(string address, int port = 0) => UdpTestPlatforms.Address(address, port);

    private static LocalNetwork Network(params InterfaceAddress[] addresses) => new(addresses, allowsLoopback: false);

    private static InterfaceAddress Card(string address, int prefix, AddressTraits traits = AddressTraits.None) =>
        new(Address(address), prefix, "eth0", InterfaceKind.Physical, traits);

    private static InterfaceAddress Virtual(string address, int prefix, string name) =>
        new(Address(address), prefix, name, InterfaceKind.Virtual);

    private static InterfaceAddress Loopback(string address, int prefix) => new(Address(address), prefix, "lo", InterfaceKind.Loopback);

    private static string[] Texts(ImmutableArray<InterfaceAddress> addresses) =>
        [.. addresses.Select(entry => entry.Address.ToIPAddress().ToString())];
}
