using System.Net;
using Punchline.Quic;
using Punchline.Relay;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>What of a server's claims is believed.</summary>
public sealed class ServerEndpointsTests
{
    private const string Public = "198.51.100.1:3478";
    private const string Private = "192.168.1.1:3478";
    private const string Loopback = "127.0.0.1:3478";

    [Theory]
    // Nothing is claimed: the name's addresses, but no stranger's loopback or network among them.
    [InlineData(Public, "", 3478, Public)]
    [InlineData("198.51.100.1:443", "", 3478, Public)]
    [InlineData("198.51.100.1:3478 127.0.0.1:3478 10.0.0.1:3478 [2001:db8::1]:3478", "", 3478, "198.51.100.1:3478 [2001:db8::1]:3478")]
    [InlineData("127.0.0.1:3478 [::1]:3478", "", 3478, "127.0.0.1:3478 [::1]:3478")]
    // IPv4 first, whichever family TCP took and the server names first.
    [InlineData("[2001:db8::1]:3478 198.51.100.1:3478", "", 3478, "198.51.100.1:3478 [2001:db8::1]:3478")]
    [InlineData("[2001:db8::1]:443", "[2001:db8::7]:3478 203.0.113.7:3478 [2001:db8::8]:3478 203.0.113.6:3478", 3478,
        "203.0.113.7:3478 203.0.113.6:3478 [2001:db8::7]:3478 [2001:db8::8]:3478")]
    [InlineData("[2001:db8::1]:3478", "", 3478, "[2001:db8::1]:3478")]
    // Behind a web server: public ones.
    [InlineData("198.51.100.1:443", "203.0.113.7:3478 [2001:db8::7]:3478", 3478, "203.0.113.7:3478 [2001:db8::7]:3478")]
    // Never this machine or its network, unless TCP went there too.
    [InlineData(Public, "127.0.0.1:3478 203.0.113.7:3478", 3478, "203.0.113.7:3478")]
    [InlineData(Public, "127.0.0.1:3478 [::1]:3478", 3478, Public)]
    [InlineData(Public, "192.168.1.1:3478 10.1.2.3:3478 100.64.0.1:3478 [fd00::1]:3478 [fe80::1]:3478 169.254.1.1:3478", 3478, Public)]
    [InlineData(Private, "10.1.2.3:3478 203.0.113.7:3478", 3478, "10.1.2.3:3478 203.0.113.7:3478")]
    [InlineData(Private, "127.0.0.1:3478", 3478, Private)]
    [InlineData(Loopback, "127.0.0.2:3478 192.168.1.1:3478", 3478, "127.0.0.2:3478 192.168.1.1:3478")]
    // Never everybody, or nobody.
    [InlineData(Loopback, "224.0.0.1:3478 255.255.255.255:3478 240.0.0.1:3478 0.0.0.0:3478 [::]:3478 [ff02::1]:3478", 3478, Loopback)]
    // No ports of services that answer small packets with large ones, but the one that was dialled.
    [InlineData(Public, "203.0.113.7:53 203.0.113.7:123", 3478, Public)]
    [InlineData(Public, "", 53, "")]
    [InlineData(Public, "", 0, "")]
    [InlineData("198.51.100.1:443", "203.0.113.7:443", 443, "203.0.113.7:443")]
    [InlineData(Public, "203.0.113.7:3478 203.0.113.7:3478", 3478, "203.0.113.7:3478")]
    public void Only_addresses_that_a_peer_may_be_sent_to_are_used(string reached, string claimed, ushort port, string expected)
    {
        UdpAddress[] at = Parse(reached);
        Assert.Equal(Parse(expected), ServerEndpoints.Choose(at, Parse(claimed), port, at[0].Port));
    }

    [Theory]
    [InlineData(3479, 3478, 3479)]
    [InlineData(444, 443, 444)]
    [InlineData(53, 3478, 0)]
    [InlineData(0, 3478, 0)]
    public void The_second_STUN_port_is_no_services_either(ushort port, int dialled, ushort expected) =>
        Assert.Equal(expected, ServerEndpoints.Alternate(port, dialled));

    private static UdpAddress[] Parse(string addresses) =>
        [.. addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPEndPoint.Parse).Select(e => new UdpAddress(e.Address, e.Port))];
}
