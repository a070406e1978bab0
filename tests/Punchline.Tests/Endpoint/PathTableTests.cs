using System.Net;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class PathTableTests
{
    private static readonly UdpAddress Server = new(IPAddress.Loopback, 3478);

    [Fact]
    public void A_relayed_path_that_is_readdressed_stays_the_same_object_and_sends_under_the_new_handle()
    {
        RelayLink link = new() { Server = Server };
        RelayLink next = new() { Server = Server };
        var table = new PathTable(static (_, _) => PathReach.Public);
        RelayPath path = table.Relayed(link, 1)!;
        table.Retain(path);

        table.Readdress(path, next, 2);

        Assert.Same(path, table.Relayed(next, 2));
        Assert.NotSame(path, table.Relayed(link, 1));
        Assert.False(table.IsInUse(next, 1));
        byte[] datagram = new byte[RelayFrame.DataHeaderLength + 1];
        path.WriteHeaders(datagram, datagram.Length);
        Assert.True(RelayFrame.TryReadDataHeader(datagram, out ulong handle));
        Assert.Equal(2UL, handle);
        table.Release(path);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void A_relayed_path_goes_with_its_link_and_carries_data_as_the_server_says()
    {
        using IUdpSocket socket = UdpPlatform.Portable.Bind(new UdpAddress(IPAddress.Loopback, 0));
        RelayLink link = new() { Server = Server };
        var path = new RelayPath(link, 1);
        Assert.Null(path.Socket);
        Assert.False(path.CarriesData);

        link.Socket = socket;
        link.CarriesData = true;
        Assert.Same(socket, path.Socket);
        Assert.True(path.CarriesData);

        path.IsExhausted = true;
        Assert.False(path.CarriesData);
    }
}
