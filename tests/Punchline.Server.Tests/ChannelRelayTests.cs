using System.Net;
using System.Text;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>Relaying through the whole server where one side or both have no UDP: real WebSockets and UDP sockets on loopback.</summary>
public sealed class ChannelRelayTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<string> TextAsync(Task<(ulong Handle, byte[] Payload)> receiving) => Encoding.UTF8.GetString((await receiving).Payload);

    [Fact]
    public async Task Frames_pass_both_ways_between_two_channels()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Opened opened = await atClient.OpenAsync(host);
        var told = Assert.IsType<PairOpened>(await atHost.ReceiveAsync());
        for (int i = 0; i < 50; i++)
        {
            byte[] payload = Encoding.ASCII.GetBytes(new string('x', 1 + (i * 30)) + i);
            await atClient.SendDataAsync(opened.Handle, payload);
            (ulong handle, byte[] came) = await atHost.ReceiveDataAsync();
            Assert.Equal(told.Handle, handle);
            Assert.Equal(payload, came);
            await atHost.SendDataAsync(told.Handle, payload);
            (handle, came) = await atClient.ReceiveDataAsync();
            Assert.Equal(opened.Handle, handle);
            Assert.Equal(payload, came);
        }
        // They count for no rate of messages, and the channels still serve for these.
        await atClient.SendAsync(new Ping(7));
        Assert.Equal(new Pong(7), await atClient.ReceiveAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frames_pass_both_ways_between_a_channel_and_UDP(bool hostHasUdp)
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        Registered registered = await atHost.RegisterAsync(host);
        Opened opened = await atClient.OpenAsync(host);
        var told = Assert.IsType<PairOpened>(await atHost.ReceiveAsync());
        (RelayPeer blocked, ulong mine, ulong theirs) = hostHasUdp ? (atClient, opened.Handle, told.Handle) : (atHost, told.Handle, opened.Handle);
        using var udp = new UdpPeer();
        var at = new UdpAddress(IPAddress.Loopback, server.Port);
        await (hostHasUdp ? udp.BindAsync(at, registered.Handle, registered.Key) : udp.BindAsync(at, opened.Handle, opened.Key));

        await blocked.SendDataAsync(mine, "over the channel"u8);
        (ulong handle, byte[] payload) = await udp.ReceiveDataAsync();
        Assert.Equal((theirs, "over the channel"), (handle, Encoding.UTF8.GetString(payload)));
        await udp.SendDataAsync(at, theirs, "over UDP"u8);
        (handle, payload) = await blocked.ReceiveDataAsync();
        Assert.Equal((mine, "over UDP"), (handle, Encoding.UTF8.GetString(payload)));
    }

    [Fact]
    public async Task Data_flows_before_UDP_is_bound_and_follows_the_way_by_which_an_end_was_last_heard()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        Registered registered = await atHost.RegisterAsync(host);
        Opened opened = await atClient.OpenAsync(host);
        ulong hostHandle = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        await atClient.SendDataAsync(opened.Handle, "1"u8);
        await atHost.ReceiveDataAsync();
        using var udp = new UdpPeer();
        var at = new UdpAddress(IPAddress.Loopback, server.Port);
        await udp.BindAsync(at, registered.Handle, registered.Key);
        await atClient.SendDataAsync(opened.Handle, "2"u8);
        Assert.Equal("2", await TextAsync(udp.ReceiveDataAsync()));
        await atHost.SendDataAsync(hostHandle, "3"u8);
        await atClient.ReceiveDataAsync();
        await atClient.SendDataAsync(opened.Handle, "4"u8);
        Assert.Equal("4", await TextAsync(atHost.ReceiveDataAsync()));
        await udp.SendDataAsync(at, hostHandle, "5"u8);
        await atClient.ReceiveDataAsync();
        await atClient.SendDataAsync(opened.Handle, "6"u8);
        Assert.Equal("6", await TextAsync(udp.ReceiveDataAsync()));
    }

    [Fact]
    public async Task Another_channel_a_replaced_pair_and_a_removed_one_pass_nothing()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        using RelayPeer other = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Opened first = await atClient.OpenAsync(host);
        await atHost.ReceiveAsync();
        Opened others = await other.OpenAsync(host);
        var toldOthers = Assert.IsType<PairOpened>(await atHost.ReceiveAsync());
        await other.SendDataAsync(first.Handle, "with a foreign handle"u8);
        Opened second = await atClient.OpenAsync(host);
        Assert.IsType<PairClosed>(await atHost.ReceiveAsync());
        var told = Assert.IsType<PairOpened>(await atHost.ReceiveAsync());
        await atClient.SendDataAsync(first.Handle, "of the replaced pair"u8);
        await atClient.SendDataAsync(second.Handle, "of the new one"u8);
        await other.SendDataAsync(others.Handle, "of the other"u8);
        // What comes is in the order of each channel: nothing of what was to be dropped is still to come.
        var came = new Dictionary<ulong, string>();
        while (came.Count < 2)
        {
            (ulong handle, byte[] payload) = await atHost.ReceiveDataAsync();
            came.Add(handle, Encoding.UTF8.GetString(payload));
        }
        Assert.Equal(("of the new one", "of the other"), (came[told.Handle], came[toldOthers.Handle]));

        await atHost.SendAsync(new SetInvites([], []));
        Assert.IsType<PairClosed>(await atHost.ReceiveAsync());
        Assert.IsType<PairClosed>(await atHost.ReceiveAsync());
        await atHost.SendDataAsync(told.Handle, "too late"u8);
        await atHost.SendAsync(new Ping(1));
        Assert.IsType<Pong>(await atHost.ReceiveAsync());
        Assert.IsType<PairClosed>(await atClient.ReceiveAsync());
        await atClient.SendAsync(new Ping(2));
        Assert.IsType<Pong>(await atClient.ReceiveAsync());
    }

    [Fact]
    public async Task Who_did_not_announce_it_gets_no_frames_and_has_none_taken()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer old = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Opened opened = await old.OpenAsync(host, ControlFeatures.None);
        ulong handle = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        await atHost.SendDataAsync(handle, "not for the channel"u8);
        await old.SendDataAsync(opened.Handle, "not taken"u8);
        // As soon as its UDP is bound it is reached there, and over the channel never.
        using var udp = new UdpPeer();
        var at = new UdpAddress(IPAddress.Loopback, server.Port);
        await udp.BindAsync(at, opened.Handle, opened.Key);
        await atHost.SendDataAsync(handle, "by UDP"u8);
        while (await TextAsync(udp.ReceiveDataAsync()) != "by UDP")
        {
            // What the server had not looked at yet when the address was bound.
        }
        await udp.SendDataAsync(at, opened.Handle, "first"u8);
        Assert.Equal("first", await TextAsync(atHost.ReceiveDataAsync()));
        await old.SendAsync(new Ping(1));
        Assert.IsType<Pong>(await old.ReceiveAsync());
    }

    [Fact]
    public async Task A_peer_that_does_not_read_loses_frames_and_neither_its_channel_nor_the_others()
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Relay = RelayTerms.Unlimited });
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer slow = await RelayPeer.ConnectAsync(server);
        using RelayPeer quick = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Opened toSlow = await slow.OpenAsync(host);
        ulong slowHandle = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        Opened toQuick = await quick.OpenAsync(host);
        ulong quickHandle = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        // Far more than all the buffers on the way hold: TCP's own grow to some megabytes.
        byte[] payload = new byte[1400];
        const int Frames = 20_000;
        for (int i = 0; i < Frames; i++)
            await atHost.SendDataAsync(slowHandle, payload);
        Task<(ulong Handle, byte[] Payload)> receiving = quick.ReceiveDataAsync();
        while (!receiving.IsCompleted)
        {
            // The host's own queue into the server may still be full of the others.
            await atHost.SendDataAsync(quickHandle, "still here"u8);
            await Task.WhenAny(receiving, Task.Delay(10, Token));
        }
        Assert.Equal((toQuick.Handle, "still here"), ((await receiving).Handle, Encoding.UTF8.GetString((await receiving).Payload)));
        // It wakes up: what fitted is there, and behind it the answer to what it asks.
        await slow.SendAsync(new Ping(3));
        int heard = 0;
        while (true)
        {
            ReceivedMessage next = await slow.ReceiveAnyAsync();
            if (next.Message is Pong)
                break;
            Assert.Equal(toSlow.Handle, next.Handle);
            heard++;
        }
        Assert.InRange(heard, 1, Frames - 1);
    }

    [Fact]
    public async Task A_frame_that_is_too_long_ends_the_channel()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        await atHost.SendDataAsync(1, new byte[RelayFrame.MaxChannelFrame - RelayFrame.DataHeaderLength]);
        await atHost.SendDataAsync(1, new byte[RelayFrame.MaxChannelFrame - RelayFrame.DataHeaderLength + 1]);
        Assert.Equal(ControlError.Malformed, Assert.IsType<ErrorMessage>(await atHost.ReceiveAsync()).Code);
    }

    [Fact]
    public async Task The_server_says_what_it_relays()
    {
        foreach ((RelayTerms? terms, RelayLevel level, uint rate) in new[]
        {
            (null, RelayLevel.Off, 0u),
            (RelayTerms.Limited, RelayLevel.Limited, 1_000_000u),
            (RelayTerms.Unlimited, RelayLevel.On, 0u),
            (RelayTerms.LimitedBy(new RelayBound(long.MaxValue, 1)), RelayLevel.Limited, uint.MaxValue),
        })
        {
            await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Relay = terms });
            using RelayPeer peer = await RelayPeer.ConnectAsync(server);
            Assert.Equal((level, rate, ControlFeatures.ChannelFrames), (peer.Hello.Relay, peer.Hello.PairRate, peer.Hello.Features));
        }
    }

    [Fact]
    public async Task A_client_that_hides_its_address_is_not_named_to_the_host()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer open = await RelayPeer.ConnectAsync(server);
        using RelayPeer hidden = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Assert.True((await open.OpenAsync(host)).Observed.IsLoopback);
        Assert.True(Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Client.IsLoopback);
        Assert.True((await hidden.OpenAsync(host, ControlFeatures.ChannelFrames | ControlFeatures.HideAddress)).Observed.IsLoopback);
        Assert.Equal(PairOpened.Hidden, Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Client);
    }

    [Fact]
    public async Task Who_agrees_has_the_other_end_told_where_it_is_seen()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        Registered registered = await atHost.RegisterAsync(host);
        Opened opened = await atClient.OpenAsync(host);
        ulong told = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        using var hostUdp = new UdpPeer();
        using var clientUdp = new UdpPeer();
        var at = new UdpAddress(IPAddress.Loopback, server.Port);
        await hostUdp.BindAsync(at, registered.Handle, registered.Key);
        // A handle of somebody else's, and the other end's, say nothing.
        await atHost.SendAsync(new Attest(opened.Handle));
        await atClient.SendAsync(new Attest(told));
        await atHost.SendAsync(new Attest(told));
        Assert.Equal(new Attested(opened.Handle, hostUdp.Address), await atClient.ReceiveAsync());
        await atClient.SendAsync(new Attest(opened.Handle));
        await clientUdp.BindAsync(at, opened.Handle, opened.Key);
        Assert.Equal(new Attested(told, clientUdp.Address), await atHost.ReceiveAsync());
    }

    [Fact]
    public async Task A_server_that_stops_forwards_until_its_peers_have_gone()
    {
        PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RelayPeer atHost = await RelayPeer.ConnectAsync(server);
        using RelayPeer atClient = await RelayPeer.ConnectAsync(server);
        await atHost.RegisterAsync(host);
        Opened opened = await atClient.OpenAsync(host);
        ulong told = Assert.IsType<PairOpened>(await atHost.ReceiveAsync()).Handle;
        Task stopping = server.StopAsync(Token);
        Assert.Equal(1, Assert.IsType<ShuttingDown>(await atHost.ReceiveAsync()).Spread);
        Assert.IsType<ShuttingDown>(await atClient.ReceiveAsync());
        await atClient.SendDataAsync(opened.Handle, "still forwarded"u8);
        (ulong handle, byte[] payload) = await atHost.ReceiveDataAsync();
        Assert.Equal((told, "still forwarded"), (handle, Encoding.UTF8.GetString(payload)));
        Assert.False(stopping.IsCompleted);
        // They go, and nothing is waited for any longer than the time limit of the whole.
        atClient.Dispose();
        atHost.Dispose();
        await stopping;
    }
}
