using System.Runtime.Versioning;
using Punchline.Discovery;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Discovery;

/// <summary>What the operating system says, on this machine and in a network that the test has made.</summary>
public sealed class SystemInterfacesTests
{
    [Fact]
    public void This_machine_has_its_loopback_address()
    {
        InterfaceAddress loopback = SystemInterfaces.Read().Single(entry => entry.Address == UdpTestPlatforms.Loopback4);
        Assert.Equal(InterfaceKind.Loopback, loopback.Kind);
        Assert.Equal(8, loopback.PrefixLength);
        Assert.True(LocalNetwork.Read(allowsLoopback: true).IsOwn(UdpTestPlatforms.Loopback4));
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void A_made_up_network_is_read_as_it_is() => NetworkNamespace.Run(
        () =>
        {
            List<InterfaceAddress> read = SystemInterfaces.Read();

            InterfaceAddress Of(string address) => read.Single(entry => entry.Address.SameHost(UdpTestPlatforms.Address(address)));

            Assert.Equal(new InterfaceAddress(UdpTestPlatforms.Address("10.1.2.3"), 20, "card0", InterfaceKind.Physical), Of("10.1.2.3"));
            Assert.Equal(InterfaceKind.Virtual, Of("10.9.0.1").Kind);
            Assert.Equal(new InterfaceAddress(UdpTestPlatforms.Address("2001:db8:7::1"), 64, "card0", InterfaceKind.Physical), Of("2001:db8:7::1"));
            Assert.Equal(AddressTraits.Deprecated, Of("2001:db8:7::dead").Traits);
            Assert.DoesNotContain(read, entry => entry.Address.SameHost(UdpTestPlatforms.Address("10.66.0.1")));
            InterfaceAddress linkLocal = read.First(entry => entry.Address.IsIPv6 && entry.Address.IsLinkLocal && entry.Interface == "card0");
            Assert.NotEqual(0u, linkLocal.Address.Scope);

            var network = new LocalNetwork(read, allowsLoopback: false);
            Assert.True(network.IsOnLink(UdpTestPlatforms.Address("10.1.15.9")));
            Assert.False(network.IsOnLink(UdpTestPlatforms.Address("10.1.16.9")));
            Assert.DoesNotContain(network.Usable, entry => entry.Address.SameHost(UdpTestPlatforms.Address("2001:db8:7::dead")));
            Assert.True(network.IsOwn(UdpTestPlatforms.Address("2001:db8:7::dead")));
        },
        "ip link add card0 type veth peer name veth1",
        "ip addr add 10.1.2.3/20 dev card0",
        "ip addr add 2001:db8:7::1/64 dev card0 nodad",
        "ip addr add 2001:db8:7::dead/64 dev card0 nodad preferred_lft 0",
        "ip link set card0 up",
        "ip addr add 10.9.0.1/24 dev veth1",
        "ip link set veth1 up",
        "ip link add down0 type veth peer name down1",
        "ip addr add 10.66.0.1/24 dev down0");

    [Theory]
    [InlineData("20010db8000000000000000000000005 02 40 00 80     eth0", "2001:db8::5", 0)]
    [InlineData("fe8000000000000000000000000000ab 0a 40 20 80     eth0", "fe80::ab%10", 0)]
    [InlineData("20010db8000000000000000000000005 02 40 00 01     eth0", "2001:db8::5", 1)]
    [InlineData("20010db8000000000000000000000005 02 40 00 21     eth0", "2001:db8::5", 3)]
    [InlineData("20010db8000000000000000000000005 02 40 00 c0     eth0", "2001:db8::5", 4)]
    [InlineData("20010db8000800004c2ec8b3d202dfff 03 40 00 41    card0", "2001:db8:8:0:4c2e:c8b3:d202:dfff", 5)]
    [InlineData("20010db8000000000000000000000005 02 40 00 88     eth0", "2001:db8::5", 4)]
    public void A_line_of_if_inet6_is_read(string line, string address, int traits)
    {
        Assert.True(LinuxIpv6Addresses.TryParse(line, out UdpAddress parsed, out AddressTraits parsedTraits));
        Assert.Equal(UdpTestPlatforms.Address(address), parsed);
        Assert.Equal((AddressTraits)traits, parsedTraits);
    }

    [Theory]
    [InlineData("")]
    [InlineData("20010db8000000000000000000000005")]
    [InlineData("20010db8000000000000000000000005 02 40 00 80")]
    [InlineData("20010db800000000000000000000000 02 40 00 80 eth0")]
    [InlineData("20010db800000000000000000000000g 02 40 00 80 eth0")]
    [InlineData("20010db8000000000000000000000005 02 40 00 zz eth0")]
    public void Any_other_line_is_not(string line) => Assert.False(LinuxIpv6Addresses.TryParse(line, out _, out _));

    [Fact]
    public void Without_the_file_nothing_is_known() => Assert.Empty(LinuxIpv6Addresses.Read("/nonexistent/if_inet6"));
}
