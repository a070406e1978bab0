using Punchline.Quic;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

public sealed class WhatWorkedTests
{
    [Fact]
    public void The_newest_method_of_a_pair_of_addresses_counts_whatever_the_ports()
    {
        var worked = new WhatWorked();
        Assert.Equal(TraversalMethod.None, worked.Find(Address(1), Address(2)));
        worked.Remember(Address(1), Address(2), TraversalMethod.Exchange);
        worked.Remember(Address(1).WithPort(9), Address(2).WithPort(9), TraversalMethod.HostOpens);
        Assert.Equal(TraversalMethod.HostOpens, worked.Find(Address(1), Address(2)));
        Assert.Equal(TraversalMethod.None, worked.Find(Address(2), Address(1)));
    }

    [Fact]
    public void The_oldest_makes_room()
    {
        var worked = new WhatWorked();
        for (byte i = 2; i < 68; i++)
            worked.Remember(Address(1), Address(i), TraversalMethod.Exchange);
        Assert.Equal(TraversalMethod.None, worked.Find(Address(1), Address(3)));
        Assert.Equal(TraversalMethod.Exchange, worked.Find(Address(1), Address(4)));
        Assert.Equal(TraversalMethod.Exchange, worked.Find(Address(1), Address(67)));
    }

    private static UdpAddress Address(byte host) => UdpAddress.FromBytes([198, 51, 100, host], 0, 4_000);
}
