using System.Net;
using System.Net.Sockets;
using System.Text;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>The whole server on loopback, through real WebSockets and UDP sockets.</summary>
public sealed class ServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Datagrams_pass_both_ways_between_a_client_and_the_host_that_it_names(bool portable)
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, UdpPlatform = UdpPlatform.Detect(portable) });
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        Opened opened = await host.OpenAsync(client);
        Assert.Equal(77UL, opened.DoorNonce);
        Assert.True(opened.Observed.IsLoopback);
        var told = Assert.IsType<PairOpened>(await host.Channel.Events.ReadAsync(Token));
        Assert.Equal(host.Invite, told.InviteId);
        Assert.NotEqual(opened.Handle, told.Handle);

        UdpAddress udp = client.UdpEndpoints[0];
        Assert.Equal(server.Port, udp.Port);
        using var hostUdp = new UdpPeer();
        using var clientUdp = new UdpPeer();
        UdpBinding hostBinding = await hostUdp.BindAsync(udp, host.Registered.Handle, host.Registered.Key);
        UdpBinding clientBinding = await clientUdp.BindAsync(udp, opened.Handle, opened.Key);
        Assert.Equal(hostUdp.Address, hostBinding.Observed);
        Assert.Equal(clientUdp.Address, clientBinding.Observed);

        await clientUdp.SendDataAsync(udp, opened.Handle, "to the host"u8);
        (ulong handle, byte[] payload) = await hostUdp.ReceiveDataAsync();
        Assert.Equal(told.Handle, handle);
        Assert.Equal("to the host", Encoding.UTF8.GetString(payload));
        await hostUdp.SendDataAsync(udp, told.Handle, "to the client"u8);
        (handle, payload) = await clientUdp.ReceiveDataAsync();
        Assert.Equal(opened.Handle, handle);
        Assert.Equal("to the client", Encoding.UTF8.GetString(payload));

        await client.DisposeAsync();
        var closed = Assert.IsType<PairClosed>(await host.Channel.Events.ReadAsync(Token));
        Assert.Equal(new PairClosed(told.Handle, PairCloseReason.ClientLeft), closed);
    }

    [Fact]
    public async Task A_newer_registration_displaces_the_older_one_which_is_told()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        Opened opened = await host.OpenAsync(client);
        await using ServerChannel newer = await TestServer.ConnectAsync(server);
        await newer.RegisterAsync(host.Registration(), Token);

        await host.Channel.Events.ReadAsync(Token);
        var end = await Assert.ThrowsAsync<ServerChannelException>(async () => await host.Channel.Events.Completion);
        Assert.Equal(ServerFailure.Displaced, end.Failure);
        Assert.Equal(new PairClosed(opened.Handle, PairCloseReason.HostLeft), await client.Events.ReadAsync(Token));
        // The newer one is untouched by the end of the older.
        await host.OpenAsync(client);
        Assert.IsType<PairOpened>(await newer.Events.ReadAsync(Token));
    }

    [Fact]
    public async Task A_wrong_secret_and_an_unknown_invite_get_the_same_answer_and_may_try_again()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        var wrong = await Assert.ThrowsAsync<ServerChannelException>(() => client.OpenAsync(host.Signer.HostId, host.Invite, new byte[16], Token));
        var unknown = await Assert.ThrowsAsync<ServerChannelException>(() => client.OpenAsync(host.Signer.HostId, new InviteId(1), host.Secret, Token));
        Assert.Equal(ControlError.UnknownInvite, wrong.Error);
        Assert.Equal(wrong.Message, unknown.Message);
        var offline = await Assert.ThrowsAsync<ServerChannelException>(() => client.OpenAsync(new byte[32], host.Invite, host.Secret, Token));
        Assert.Equal(ControlError.HostOffline, offline.Error);
        await host.OpenAsync(client);
    }

    [Fact]
    public async Task A_challenge_passed_on_by_a_rogue_server_is_refused_where_names_are_known()
    {
        // The name is known before the port only if it is not checked against it: any fixed name will do.
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Names = ["true.example:3478"] });
        await using var host = new TestHost();
        using RawChannel rogue = await RawChannel.ConnectAsync(server);
        await rogue.SendAsync(RawChannel.Signed(host, "rogue.example:3478", rogue.ServerNonce));
        Assert.Equal(ControlError.WrongName, Assert.IsType<ErrorMessage>(await rogue.ReceiveAsync()).Code);

        // Renaming what the host signed for the rogue breaks the signature.
        using RawChannel renaming = await RawChannel.ConnectAsync(server);
        Register signed = RawChannel.Signed(host, "rogue.example:3478", renaming.ServerNonce);
        await renaming.SendAsync(signed with { Name = "true.example:3478" });
        Assert.Equal(ControlError.BadSignature, Assert.IsType<ErrorMessage>(await renaming.ReceiveAsync()).Code);

        using RawChannel honest = await RawChannel.ConnectAsync(server);
        await honest.SendAsync(RawChannel.Signed(host, "true.example:3478", honest.ServerNonce));
        Assert.IsType<Registered>(await honest.ReceiveAsync());
    }

    [Fact]
    public async Task Where_names_are_not_known_a_passed_on_challenge_disturbs_nobody()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        using RawChannel rogue = await RawChannel.ConnectAsync(server);
        await rogue.SendAsync(RawChannel.Signed(host, "rogue.example:3478", rogue.ServerNonce));
        Assert.IsType<Registered>(await rogue.ReceiveAsync());
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        await host.OpenAsync(client);
        Assert.IsType<PairOpened>(await host.Channel.Events.ReadAsync(Token));
    }

    [Fact]
    public async Task A_signature_for_another_nonce_is_refused()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RawChannel first = await RawChannel.ConnectAsync(server);
        using RawChannel second = await RawChannel.ConnectAsync(server);
        await second.SendAsync(RawChannel.Signed(host, $"127.0.0.1:{server.Port}", first.ServerNonce));
        Assert.Equal(ControlError.BadSignature, Assert.IsType<ErrorMessage>(await second.ReceiveAsync()).Code);
        Assert.Null(await second.ReceiveAsync());
    }

    [Theory]
    [InlineData(0, ControlError.UpdatePeer)]
    [InlineData(2, ControlError.UpdateServer)]
    public async Task A_version_mismatch_says_which_side_to_update(byte version, object expected)
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        using RawChannel raw = await RawChannel.ConnectAsync(server);
        await raw.SendAsync(RawChannel.Signed(host, "x:1", raw.ServerNonce, version));
        Assert.Equal((ControlError)expected, Assert.IsType<ErrorMessage>(await raw.ReceiveAsync()).Code);
    }

    [Fact]
    public async Task A_host_password_must_be_proven()
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, HostPassword = "hunter2" });
        await using var host = new TestHost();
        Assert.Equal(ControlError.PasswordNeeded, (await Assert.ThrowsAsync<ServerChannelException>(() => host.RegisterAsync(server))).Error);
        Assert.Equal(ControlError.WrongPassword, (await Assert.ThrowsAsync<ServerChannelException>(() => host.RegisterAsync(server, "hunter3"))).Error);
        await host.RegisterAsync(server, "hunter2");
        // Clients need none.
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        await host.OpenAsync(client);
    }

    [Fact]
    public async Task Only_hosts_on_the_list_may_register()
    {
        await using var allowed = new TestHost();
        await using var other = new TestHost();
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions
        {
            Address = IPAddress.Loopback, Port = 0, AllowedHosts = [Convert.ToHexString(allowed.Signer.HostId)],
        });
        await allowed.RegisterAsync(server);
        Assert.Equal(ControlError.HostNotAllowed, (await Assert.ThrowsAsync<ServerChannelException>(() => other.RegisterAsync(server))).Error);
    }

    [Fact]
    public async Task Removing_an_invite_ends_its_pairs_at_once()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        Opened opened = await host.OpenAsync(client);
        var told = (PairOpened)await host.Channel.Events.ReadAsync(Token);
        byte[] proof = InviteKeys.EndProof(host.Secret);
        await host.Channel.SetInvitesAsync([], [new EndedEntry(host.Invite, proof)], Token);
        Assert.Equal(new PairClosed(opened.Handle, PairCloseReason.InviteRemoved), await client.Events.ReadAsync(Token));
        Assert.Equal(new PairClosed(told.Handle, PairCloseReason.InviteRemoved), await host.Channel.Events.ReadAsync(Token));
        // The server passes on what the host says of its end, and nothing where it says nothing.
        ServerChannelException ended = await Assert.ThrowsAsync<ServerChannelException>(() => host.OpenAsync(client));
        Assert.Equal((ControlError.UnknownInvite, Convert.ToHexString(proof)), (ended.Error, Convert.ToHexString(ended.EndProof.Span)));
        ServerChannelException unknown = await Assert.ThrowsAsync<ServerChannelException>(
            () => client.OpenAsync(host.Signer.HostId, new InviteId(1), host.Secret, Token));
        Assert.Equal((ControlError.UnknownInvite, true), (unknown.Error, unknown.EndProof.IsEmpty));
    }

    [Fact]
    public async Task A_new_door_nonce_reaches_clients_that_come()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await host.Channel.SetDoorNonceAsync(4711, Token);
        // On another channel than the nonce: the client may come before it.
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        while ((await host.OpenAsync(client)).DoorNonce != 4711)
            await Task.Delay(TimeSpan.FromSeconds(1 / ServerLimits.MessagesPerSecond), Token);
    }

    [Fact]
    public async Task Messages_that_come_too_fast_end_the_channel()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        using RawChannel raw = await RawChannel.ConnectAsync(server);
        // More at once than the burst, and than could come back meanwhile unless this took half a minute.
        for (ulong i = 0; i < 200; i++)
        {
            try
            {
                await raw.SendAsync(new Ping(i));
            }
            catch (System.Net.WebSockets.WebSocketException)
            {
                break;
            }
        }
        ControlMessage? last = null;
        while (last is not ErrorMessage)
            last = await raw.ReceiveAsync() ?? throw new Xunit.Sdk.XunitException("closed without a reason");
        Assert.Equal(ControlError.TooFast, ((ErrorMessage)last).Code);
    }

    [Fact]
    public async Task One_address_gets_no_more_channels_than_its_limit()
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, MaxChannelsPerAddress = 2 });
        await using ServerChannel first = await TestServer.ConnectAsync(server);
        ServerChannel second = await TestServer.ConnectAsync(server);
        Assert.Equal(ControlError.TooManyFromAddress, (await Assert.ThrowsAsync<ServerChannelException>(() => TestServer.ConnectAsync(server))).Error);
        await second.DisposeAsync();
        // The place is free again once the server has seen the end.
        while (true)
        {
            try
            {
                await using ServerChannel third = await TestServer.ConnectAsync(server);
                break;
            }
            catch (ServerChannelException e) when (e.Error == ControlError.TooManyFromAddress)
            {
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task An_invite_has_eight_pairs_at_once_and_a_client_that_opens_again_replaces_its_own()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        var clients = new List<ServerChannel>();
        for (int i = 0; i < ServerLimits.PairsPerInvite; i++)
        {
            clients.Add(await TestServer.ConnectAsync(server));
            await host.OpenAsync(clients[^1]);
        }
        await using ServerChannel late = await TestServer.ConnectAsync(server);
        Assert.Equal(ControlError.TooManyPairs, (await Assert.ThrowsAsync<ServerChannelException>(() => host.OpenAsync(late))).Error);
        await host.OpenAsync(clients[0]);
        foreach (ServerChannel client in clients)
            await client.DisposeAsync();
    }

    [Fact]
    public async Task Garbage_ends_the_channel_with_a_reason()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        foreach ((byte[] bytes, ControlError expected) in new[]
        {
            (new byte[] { 0x80, 0x02, 1 }, ControlError.Malformed),
            ([0xff, 0xff], ControlError.NewerNeeded),
            (ControlCodec.Write(new Displaced()), ControlError.Unexpected),
            (new byte[ControlCodec.MaxMessageLength + 1], ControlError.Malformed),
        })
        {
            using RawChannel raw = await RawChannel.ConnectAsync(server);
            await raw.SendAsync(bytes);
            Assert.Equal(expected, Assert.IsType<ErrorMessage>(await raw.ReceiveAsync()).Code);
        }
    }

    [Fact]
    public async Task A_stopping_server_tells_its_peers()
    {
        PunchlineServer server = await TestServer.StartAsync();
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        await using ServerChannel client = await TestServer.ConnectAsync(server);
        await server.StopAsync(Token);
        foreach (ServerChannel channel in new[] { host.Channel, client })
        {
            var end = await Assert.ThrowsAsync<ServerChannelException>(async () => await channel.Events.Completion);
            Assert.Equal(ServerFailure.ShuttingDown, end.Failure);
        }
        var gone = await Assert.ThrowsAsync<ServerChannelException>(() => TestServer.ConnectAsync(server));
        Assert.Equal(ServerFailure.NotReachable, gone.Failure);
    }

    [Fact]
    public async Task Nothing_but_healthz_and_the_control_channel_is_on_the_public_port()
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Admin = new IPEndPoint(IPAddress.Loopback, 0) });
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        using var http = new HttpClient();
        string open = $"http://127.0.0.1:{server.Port}";
        Assert.Equal("ok\n", await http.GetStringAsync(open + "/healthz", Token));
        foreach (string path in new[] { "/", "/metrics", "/v1", "/v2", "/healthz/x" })
            Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(open + path, Token)).StatusCode);

        string admin = $"http://{server.AdminEndpoint}";
        Assert.Equal("ok\n", await http.GetStringAsync(admin + "/healthz", Token));
        string metrics = await http.GetStringAsync(admin + "/metrics", Token);
        Assert.Contains("\npunchline_hosts 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("\npunchline_registrations_total 1\n", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(host.Signer.HostId), metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_server_is_told_apart_from_one_that_is_not_there()
    {
        await using PunchlineServer server = await TestServer.StartAsync(
            new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Admin = new IPEndPoint(IPAddress.Loopback, 0) });
        Assert.True(ServerAddress.TryParse(server.AdminEndpoint!.ToString(), out ServerAddress? admin));
        var options = new ServerChannelOptions { Time = TimeProvider.System, Randomness = SystemRandomness.Instance, ProgramVersion = "" };
        var end = await Assert.ThrowsAsync<ServerChannelException>(() => ServerChannel.ConnectAsync(admin!, options, Token));
        Assert.Equal(ServerFailure.NotAServer, end.Failure);
    }

    [Fact]
    public async Task Without_an_address_every_family_of_the_machine_is_served_at_one_port()
    {
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions { Port = 0 });
        foreach (IPAddress local in Socket.OSSupportsIPv6 ? new[] { IPAddress.Loopback, IPAddress.IPv6Loopback } : [IPAddress.Loopback])
        {
            await using ServerChannel channel = await TestServer.ConnectAsync(server, local.ToString());
            var udp = new UdpAddress(local, server.Port);
            Assert.Equal([udp], channel.UdpEndpoints);
            Assert.Equal(server.AlternatePort, channel.AlternatePort);
            using var socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            byte[] request = new byte[RelayFrame.CookieRequestLength];
            RelayFrame.WriteCookieRequest(request, 9);
            await socket.SendToAsync(request, udp.ToIPEndPoint(), Token);
            byte[] answer = new byte[100];
            SocketReceiveFromResult result = await socket.ReceiveFromAsync(answer, udp.ToIPEndPoint(), Token);
            Assert.Equal(udp.ToIPEndPoint(), result.RemoteEndPoint);
            Assert.True(RelayFrame.TryReadCookie(answer.AsSpan(0, result.ReceivedBytes), out ulong echo, out _));
            Assert.Equal(9UL, echo);
        }
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        await using var second = new PunchlineServer(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = server.Port });
        IOException error = await Assert.ThrowsAsync<IOException>(() => second.StartAsync(Token));
        Assert.Contains(server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
    }
}
