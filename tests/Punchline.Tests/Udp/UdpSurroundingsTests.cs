using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>The choice of the platform, the clock and the routing table.</summary>
public sealed class UdpSurroundingsTests
{
    [Fact]
    public void The_portable_sockets_can_be_chosen()
    {
        Assert.Same(UdpPlatform.Portable, UdpPlatform.Detect(portable: true));
        Assert.Equal(UdpPlatform.IsLinuxSupported ? "linux" : "portable", UdpPlatform.Detect(portable: false).Name);
    }

    [Fact]
    public void A_socket_of_one_platform_does_not_go_into_the_others_poller()
    {
        Assert.SkipUnless(UdpPlatform.IsLinuxSupported, "needs 64-bit Linux");
        using IUdpPoller linux = UdpPlatform.CreateLinux().CreatePoller();
        using IUdpPoller portable = UdpPlatform.Portable.CreatePoller();
        using IUdpSocket linuxSocket = UdpPlatform.CreateLinux().Bind(UdpTestPlatforms.Loopback4);
        using IUdpSocket portableSocket = UdpPlatform.Portable.Bind(UdpTestPlatforms.Loopback4);
        Assert.Throws<ArgumentException>(() => linux.Add(portableSocket));
        Assert.Throws<ArgumentException>(() => portable.Add(linuxSocket));
    }

    [Fact]
    public void The_clock_starts_at_zero_and_follows_its_provider()
    {
        var provider = new StepProvider();
        var clock = new MonotonicClock(provider);
        Assert.Equal(Instant.Zero, clock.Now);
        provider.Stamp += 1_500;
        Assert.Equal(Instant.Zero + TimeSpan.FromMilliseconds(1_500), clock.Now);
    }

    [Fact]
    public void The_routing_table_names_the_source_address()
    {
        Assert.Equal(UdpTestPlatforms.Loopback4, RouteLookup.LocalAddressFor(UdpTestPlatforms.Address("127.0.0.1", 1234)));
        Assert.True(RouteLookup.LocalAddressFor(default).IsNone);
        Assert.True(RouteLookup.LocalAddressFor(UdpTestPlatforms.Address("0.0.0.0")).IsNone);
        // Not allowed without asking for broadcast.
        Assert.True(RouteLookup.LocalAddressFor(UdpTestPlatforms.Address("255.255.255.255")).IsNone);
    }

    /// <summary>A clock of milliseconds that stands until it is moved.</summary>
    private sealed class StepProvider : TimeProvider
    {
        public long Stamp { get; set; } = 77;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => Stamp;
    }
}
