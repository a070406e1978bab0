using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Tests.Endpoint;
using Punchline.Tests.Relay;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Our sockets' business with one server: its datagrams in the test's hand, in virtual time.</summary>
public sealed class ServerUdpTests
{
    private const ulong Handle = 7;
    private static readonly UdpAddress First = FakeSocket.Address("127.0.0.1:3478");
    private static readonly UdpAddress Second = FakeSocket.Address("127.0.0.1:4478");
    private static readonly UdpAddress Seen = FakeSocket.Address("198.51.100.1:40000");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_silent_endpoint_gives_way_to_the_next_after_5_s()
    {
        await using ManualNode node = await ManualNode.StartAsync();
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, First, Second);
        await using var udp = new ServerUdp(node.Node, server.Address);
        Task<RelayRoute> binding = udp.BindAsync(channel, Handle, new byte[RelayFrame.KeyLength], Token);
        await node.PassAsync(TimeSpan.FromSeconds(4.9));
        Assert.NotEmpty(await node.TakeSentAsync(First));
        Assert.Empty(await node.TakeSentAsync(Second));
        await node.PassAsync(TimeSpan.FromSeconds(0.2));
        Assert.False(await node.CallAsync(() => node.Node.WayOut.UdpWorks));
        byte[] asked = Assert.Single(await node.TakeSentAsync(Second));
        await node.BindAsync(Second, asked, Seen);
        Assert.Equal(Handle, (await Hang.OrAsync(binding, "the binding")).Handle);
        Assert.True(await node.CallAsync(() => node.Node.WayOut.UdpWorks));
        Assert.Equal(Second, await node.CallAsync(() => udp.Way!.Value.Server));
        Assert.Contains(Seen, await node.CallAsync(() => node.Node.Candidates.Current.Select(candidate => candidate.Address).ToArray()));
    }

    [Fact]
    public async Task The_end_takes_back_what_the_server_saw()
    {
        await using ManualNode node = await ManualNode.StartAsync();
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, First);
        var udp = new ServerUdp(node.Node, server.Address);
        Task<RelayRoute> binding = udp.BindAsync(channel, Handle, new byte[RelayFrame.KeyLength], Token);
        await node.BindAsync(First, (await node.TakeSentAsync(First))[^1], Seen);
        RelayRoute route = await Hang.OrAsync(binding, "the binding");
        Assert.True(await node.CallAsync(() => node.Node.Candidates.IsReflexive(Seen)));
        await udp.DisposeAsync();
        Assert.False(await node.CallAsync(() => node.Node.Candidates.IsReflexive(Seen)));
        Assert.Null(await node.CallAsync(() => node.Node.Servers.Way));
        Assert.Null(route.Link.Socket);
        await node.TakeSentAsync(First);
        await node.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(await node.TakeSentAsync(First));
    }
}
