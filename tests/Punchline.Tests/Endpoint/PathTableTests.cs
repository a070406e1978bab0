using System.Net;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class PathTableTests
{
    [Fact]
    public void A_relayed_path_that_is_readdressed_stays_the_same_object_and_sends_under_the_new_handle()
    {
        using IUdpSocket socket = UdpPlatform.Portable.Bind(new UdpAddress(IPAddress.Loopback, 0));
        var server = new UdpAddress(IPAddress.Loopback, 3478);
        var table = new PathTable();
        RelayPath path = table.Relayed(socket, server, 1)!;
        table.Retain(path);

        table.Readdress(path, 2);

        Assert.Same(path, table.Relayed(socket, server, 2));
        Assert.NotSame(path, table.Relayed(socket, server, 1));
        byte[] datagram = new byte[RelayFrame.DataHeaderLength + 1];
        path.WriteHeaders(datagram, datagram.Length);
        Assert.True(RelayFrame.TryReadDataHeader(datagram, out ulong handle));
        Assert.Equal(2UL, handle);
        table.Release(path);
        Assert.Equal(0, table.Count);
    }
}
