using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Tests.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>The address of a socket in use vanishes, where each address has a socket of its own (Windows, macOS).</summary>
public sealed class AddressLossTests
{
    private const string Ours = "192.0.2.10";
    private const string OursOverIPv6 = "2001:db8::10";
    private static readonly UdpAddress Main = FakeSocket.Address("198.51.100.1:3478");
    private static readonly UdpAddress Second = FakeSocket.Address("198.51.100.2:3478");
    private static readonly UdpAddress OverIPv6 = FakeSocket.Address("[2001:db8:1::1]:3478");
    private static readonly UdpAddress Seen = FakeSocket.Address("203.0.113.1:40000");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_machine_whose_only_IPv4_address_vanishes_is_bound_over_IPv6_until_there_is_another()
    {
        await using ManualNode node = await ManualNode.StartAsync(Ours, OursOverIPv6);
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, Main, Second, OverIPv6);
        await using ServerUdp udp = await BindAsync(node, server, channel);
        int changes = 0;
        await node.Node.Driver.CallAsync(_ => node.Node.NetworkChanged += () => changes++);
        await node.MoveAsync(OursOverIPv6);
        Assert.Equal(1, await node.CallAsync(() => changes));
        await node.BindAsync(OverIPv6, (await node.TakeSentAsync(OverIPv6))[^1], FakeSocket.Address("[2001:db8::10]:40001"));
        Assert.Equal(OverIPv6, await node.CallAsync(() => udp.Way!.Value.Server));
        await node.MoveAsync("192.0.2.20", OursOverIPv6);
        await node.BindAsync(Main, (await node.TakeSentAsync(Main))[^1], Seen);
        Assert.Equal(Main, await node.CallAsync(() => udp.Way!.Value.Server));
    }

    [Fact]
    public async Task A_machine_without_any_address_is_bound_again_when_it_has_one()
    {
        await using ManualNode node = await ManualNode.StartAsync(Ours);
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, Main, Second);
        await using ServerUdp udp = await BindAsync(node, server, channel);
        await node.MoveAsync();
        Assert.Null(await node.CallAsync(() => udp.Way));
        Assert.False(await node.CallAsync(() => node.Node.Candidates.IsReflexive(Seen)));
        await node.PassAsync(TimeSpan.FromSeconds(12));
        await node.MoveAsync("192.0.2.20");
        await node.BindAsync(Main, (await node.TakeSentAsync(Main))[^1], Seen);
        Assert.Equal(Main, await node.CallAsync(() => udp.Way!.Value.Server));
    }

    [Fact]
    public async Task A_socket_that_was_to_take_over_goes_with_the_address_of_the_one_before()
    {
        await using ManualNode node = await ManualNode.StartAsync(Ours);
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, Main, Second);
        await using ServerUdp udp = await BindAsync(node, server, channel);
        FakeSocket old = node.Socket;
        var fresh = (FakeSocket)await node.CallAsync(() =>
        {
            IUdpSocket opened = node.Node.Sockets.OpenBeside(old)!;
            node.Node.Servers.Move(old, opened);
            return opened;
        });
        await node.MoveAsync();
        await node.CallAsync(() =>
        {
            node.Node.Servers.Stay(old, fresh);
            node.Node.Sockets.Remove(fresh);
            return true;
        });
        Assert.True(fresh.Disposed);
        await node.MoveAsync("192.0.2.20");
        await node.BindAsync(Main, (await node.TakeSentAsync(Main))[^1], Seen);
        Assert.Equal(Main, await node.CallAsync(() => udp.Way!.Value.Server));
    }

    [Fact]
    public async Task Where_no_UDP_comes_back_over_IPv4_what_is_known_is_of_IPv6()
    {
        await using ManualNode node = await ManualNode.StartAsync(Ours, OursOverIPv6);
        using var server = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, Main, OverIPv6);
        await using var udp = new ServerUdp(node.Node, server.Address);
        Task<RelayRoute> binding = udp.BindAsync(channel, 7, new byte[RelayFrame.KeyLength], Token);
        await node.PassAsync(TimeSpan.FromSeconds(6));
        UdpAddress seen = FakeSocket.Address("[2001:db8::10]:40001");
        await node.BindAsync(OverIPv6, (await node.TakeSentAsync(OverIPv6))[^1], seen);
        await Hang.OrAsync(binding, "a binding");
        Assert.Equal(seen, await node.CallAsync(() => node.Node.Survey.Mapped));
    }

    [Fact]
    public async Task Of_two_servers_that_of_IPv4_tells_of_the_NATs_whichever_was_asked_first()
    {
        await using ManualNode node = await ManualNode.StartAsync(Ours, OursOverIPv6);
        using var server = new FakeServer();
        using var other = new FakeServer();
        await using ServerChannel channel = await node.ConnectAsync(server, Main);
        await using ServerChannel otherChannel = await node.ConnectAsync(other, OverIPv6);
        await using var udp = new ServerUdp(node.Node, server.Address);
        await using var otherUdp = new ServerUdp(node.Node, other.Address);
        Task<RelayRoute> binding = udp.BindAsync(channel, 7, new byte[RelayFrame.KeyLength], Token);
        Task<RelayRoute> otherBinding = otherUdp.BindAsync(otherChannel, 7, new byte[RelayFrame.KeyLength], Token);
        byte[] asked = (await node.TakeSentAsync(Main))[^1];
        byte[] otherAsked = (await node.TakeSentAsync(OverIPv6))[^1];
        await node.BindAsync(Main, asked, Seen);
        Assert.Equal(Seen, await node.CallAsync(() => node.Node.Survey.Mapped));
        await node.BindAsync(OverIPv6, otherAsked, FakeSocket.Address("[2001:db8::10]:40001"));
        await Hang.OrAsync(Task.WhenAll(binding, otherBinding), "two bindings");
        Assert.Equal(Seen, await node.CallAsync(() => node.Node.Survey.Mapped));
    }

    private static async Task<ServerUdp> BindAsync(ManualNode node, FakeServer server, ServerChannel channel)
    {
        var udp = new ServerUdp(node.Node, server.Address);
        Task<RelayRoute> binding = udp.BindAsync(channel, 7, new byte[RelayFrame.KeyLength], Token);
        await node.BindAsync(Main, (await node.TakeSentAsync(Main))[^1], Seen);
        await Hang.OrAsync(binding, "a binding");
        return udp;
    }
}
