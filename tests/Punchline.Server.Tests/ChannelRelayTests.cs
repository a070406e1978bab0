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
        await using RelayScene scene = await RelayScene.StartAsync();
        for (int i = 0; i < 50; i++)
        {
            byte[] payload = Encoding.ASCII.GetBytes(new string('x', 1 + (i * 30)) + i);
            await scene.AtClient.SendDataAsync(scene.ClientHandle, payload);
            (ulong handle, byte[] came) = await scene.AtHost.ReceiveDataAsync();
            Assert.Equal(scene.HostHandle, handle);
            Assert.Equal(payload, came);
            await scene.AtHost.SendDataAsync(scene.HostHandle, payload);
            (handle, came) = await scene.AtClient.ReceiveDataAsync();
            Assert.Equal(scene.ClientHandle, handle);
            Assert.Equal(payload, came);
        }
        // They count for no rate of messages, and the channels still serve for these.
        await scene.AtClient.SendAsync(new Ping(7));
        Assert.Equal(new Pong(7), await scene.AtClient.ReceiveAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frames_pass_both_ways_between_a_channel_and_UDP(bool hostHasUdp)
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        (RelayPeer blocked, ulong mine, ulong theirs) =
            hostHasUdp ? (scene.AtClient, scene.ClientHandle, scene.HostHandle) : (scene.AtHost, scene.HostHandle, scene.ClientHandle);
        using var udp = new UdpPeer();
        await (hostHasUdp
            ? udp.BindAsync(scene.Udp, scene.Registered.Handle, scene.Registered.Key)
            : udp.BindAsync(scene.Udp, scene.ClientHandle, scene.Opened.Key));

        await blocked.SendDataAsync(mine, "over the channel"u8);
        (ulong handle, byte[] payload) = await udp.ReceiveDataAsync();
        Assert.Equal((theirs, "over the channel"), (handle, Encoding.UTF8.GetString(payload)));
        await udp.SendDataAsync(scene.Udp, theirs, "over UDP"u8);
        (handle, payload) = await blocked.ReceiveDataAsync();
        Assert.Equal((mine, "over UDP"), (handle, Encoding.UTF8.GetString(payload)));
    }

    [Fact]
    public async Task Data_flows_before_UDP_is_bound_and_follows_the_way_by_which_an_end_was_last_heard()
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        await scene.AtClient.SendDataAsync(scene.ClientHandle, "1"u8);
        await scene.AtHost.ReceiveDataAsync();
        using var udp = new UdpPeer();
        await udp.BindAsync(scene.Udp, scene.Registered.Handle, scene.Registered.Key);
        await scene.AtClient.SendDataAsync(scene.ClientHandle, "2"u8);
        Assert.Equal("2", await TextAsync(udp.ReceiveDataAsync()));
        await scene.AtHost.SendDataAsync(scene.HostHandle, "3"u8);
        await scene.AtClient.ReceiveDataAsync();
        await scene.AtClient.SendDataAsync(scene.ClientHandle, "4"u8);
        Assert.Equal("4", await TextAsync(scene.AtHost.ReceiveDataAsync()));
        await udp.SendDataAsync(scene.Udp, scene.HostHandle, "5"u8);
        await scene.AtClient.ReceiveDataAsync();
        await scene.AtClient.SendDataAsync(scene.ClientHandle, "6"u8);
        Assert.Equal("6", await TextAsync(udp.ReceiveDataAsync()));
    }

    [Fact]
    public async Task Another_channel_a_replaced_pair_and_a_removed_one_pass_nothing()
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        (RelayPeer atHost, RelayPeer atClient, Opened first) = (scene.AtHost, scene.AtClient, scene.Opened);
        (RelayPeer other, Opened others, PairOpened toldOthers) = await scene.AddClientAsync();
        await other.SendDataAsync(first.Handle, "with a foreign handle"u8);
        Opened second = await scene.OpenAgainAsync();
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
        await using RelayScene scene = await RelayScene.StartAsync(clientFeatures: ControlFeatures.None);
        (RelayPeer atHost, RelayPeer old) = (scene.AtHost, scene.AtClient);
        await atHost.SendDataAsync(scene.HostHandle, "not for the channel"u8);
        await old.SendDataAsync(scene.ClientHandle, "not taken"u8);
        // As soon as its UDP is bound it is reached there, and over the channel never.
        using var udp = new UdpPeer();
        await udp.BindAsync(scene.Udp, scene.ClientHandle, scene.Opened.Key);
        await atHost.SendDataAsync(scene.HostHandle, "by UDP"u8);
        while (await TextAsync(udp.ReceiveDataAsync()) != "by UDP")
        {
            // What the server had not looked at yet when the address was bound.
        }
        await udp.SendDataAsync(scene.Udp, scene.ClientHandle, "first"u8);
        Assert.Equal("first", await TextAsync(atHost.ReceiveDataAsync()));
        await old.SendAsync(new Ping(1));
        Assert.IsType<Pong>(await old.ReceiveAsync());
    }

    [Fact]
    public async Task A_peer_that_does_not_read_loses_frames_and_neither_its_channel_nor_the_others()
    {
        await using RelayScene scene = await RelayScene.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Relay = RelayTerms.Unlimited });
        (RelayPeer atHost, RelayPeer slow) = (scene.AtHost, scene.AtClient);
        (RelayPeer quick, Opened toQuick, PairOpened toldQuick) = await scene.AddClientAsync();
        // Far more than all the buffers on the way hold: TCP's own grow to some megabytes.
        byte[] payload = new byte[1400];
        const int Frames = 20_000;
        for (int i = 0; i < Frames; i++)
            await atHost.SendDataAsync(scene.HostHandle, payload);
        Task<(ulong Handle, byte[] Payload)> receiving = quick.ReceiveDataAsync();
        while (!receiving.IsCompleted)
        {
            // The host's own queue into the server may still be full of the others.
            await atHost.SendDataAsync(toldQuick.Handle, "still here"u8);
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
            Assert.Equal(scene.ClientHandle, next.Handle);
            heard++;
        }
        Assert.InRange(heard, 1, Frames - 1);
    }

    [Fact]
    public async Task A_frame_that_is_too_long_ends_the_channel()
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        await scene.AtHost.SendDataAsync(1, new byte[RelayFrame.MaxChannelFrame - RelayFrame.DataHeaderLength]);
        await scene.AtHost.SendDataAsync(1, new byte[RelayFrame.MaxChannelFrame - RelayFrame.DataHeaderLength + 1]);
        Assert.Equal(ControlError.Malformed, Assert.IsType<ErrorMessage>(await scene.AtHost.ReceiveAsync()).Code);
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
        await using RelayScene scene = await RelayScene.StartAsync();
        RelayClient open = await scene.AddClientAsync();
        RelayClient hidden = await scene.AddClientAsync(ControlFeatures.ChannelFrames | ControlFeatures.HideAddress);
        Assert.True(open.Opened.Observed.IsLoopback);
        Assert.True(open.Told.Client.IsLoopback);
        Assert.True(hidden.Opened.Observed.IsLoopback);
        Assert.Equal(PairOpened.Hidden, hidden.Told.Client);
    }

    [Fact]
    public async Task Who_agrees_has_the_other_end_told_where_it_is_seen()
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        (RelayPeer atHost, RelayPeer atClient) = (scene.AtHost, scene.AtClient);
        using var hostUdp = new UdpPeer();
        using var clientUdp = new UdpPeer();
        await hostUdp.BindAsync(scene.Udp, scene.Registered.Handle, scene.Registered.Key);
        // A handle of somebody else's, and the other end's, say nothing.
        await atHost.SendAsync(new Attest(scene.ClientHandle));
        await atClient.SendAsync(new Attest(scene.HostHandle));
        await atHost.SendAsync(new Attest(scene.HostHandle));
        Assert.Equal(new Attested(scene.ClientHandle, hostUdp.Address), await atClient.ReceiveAsync());
        await atClient.SendAsync(new Attest(scene.ClientHandle));
        await clientUdp.BindAsync(scene.Udp, scene.ClientHandle, scene.Opened.Key);
        Assert.Equal(new Attested(scene.HostHandle, clientUdp.Address), await atHost.ReceiveAsync());
    }

    [Fact]
    public async Task A_server_that_stops_forwards_until_its_peers_have_gone()
    {
        await using RelayScene scene = await RelayScene.StartAsync();
        Task stopping = scene.Server.StopAsync(Token);
        Assert.Equal(1, Assert.IsType<ShuttingDown>(await scene.AtHost.ReceiveAsync()).Spread);
        Assert.IsType<ShuttingDown>(await scene.AtClient.ReceiveAsync());
        await scene.AtClient.SendDataAsync(scene.ClientHandle, "still forwarded"u8);
        (ulong handle, byte[] payload) = await scene.AtHost.ReceiveDataAsync();
        Assert.Equal((scene.HostHandle, "still forwarded"), (handle, Encoding.UTF8.GetString(payload)));
        Assert.False(stopping.IsCompleted);
        // They go, and nothing is waited for any longer than the time limit of the whole.
        scene.AtClient.Dispose();
        scene.AtHost.Dispose();
        await stopping;
    }
}
