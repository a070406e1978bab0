using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Silence;

/// <summary>
/// A host without a NAT in front of it, so that every datagram of a stranger reaches its socket: it answers none. The stranger
/// even has every byte of a friend's join, and sends from another network.
/// </summary>
[Trait("Length", "Medium")]
public sealed class SilenceTests
{
    /// <summary>Where the stranger is.</summary>
    private const string Stranger = "server2";

    private static readonly TunnelOptions Open = new() { Lab = new NatLabOptions { ANat = "none" } };

    [LabFact(Programs = "tcpdump")]
    public async Task A_host_answers_no_stranger()
    {
        await using var scene = await TunnelScene.StartAsync(Open);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var (client, host, join) = await WatchJoinAsync(scene);
        var mark = scene.Host.Mark;

        List<byte[]> attacks = [.. Noise(), .. Stun(), .. Relay(), .. WithoutInvite(join.First), .. AlteredTokens(join.First), .. join.Datagrams];
        await AttackAsync(scene, host, attacks);

        // The friend has not noticed, the next one gets in, and nobody else has come.
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        await scene.JoinDirectAsync();
        Assert.Single(scene.Host.Output.Lines.Skip(mark), line => line.Contains("\"peer-joined\"", StringComparison.Ordinal));
    }

    [LabFact(Programs = "tcpdump")]
    public async Task A_watcher_of_every_byte_gets_in_nowhere_when_the_friend_has_gone()
    {
        await using var scene = await TunnelScene.StartAsync(Open);
        var (client, host, join) = await WatchJoinAsync(scene);
        var mark = scene.Host.Mark;
        await client.StopAsync();
        await scene.Host.EventAsync("peer-left", mark);
        mark = scene.Host.Mark;

        // Only what opens connections: for a connection that was closed the host may send its own peer a reset.
        await AttackAsync(scene, host, [.. join.Datagrams.Where(datagram => (datagram[0] & 0x80) != 0), .. AlteredTokens(join.First)]);

        Assert.DoesNotContain(scene.Host.Output.Lines.Skip(mark), line => line.Contains("\"peer-joined\"", StringComparison.Ordinal));
    }

    /// <summary>That the stranger's tools can open a door at all: a first copy is answered, wherever it comes from; the second is not.</summary>
    [LabFact(Programs = "tcpdump")]
    public async Task Only_the_first_copy_of_an_Initial_is_answered()
    {
        await using var scene = await TunnelScene.StartAsync(Open);
        var (friend, host, _) = await WatchJoinAsync(scene);
        await friend.StopAsync();

        // Another friend's Initial gets to the server but not to the host, and the friend gives up.
        await using var capture = await PacketCapture.StartAsync(scene.Lab, "server", $"udp and dst host {NatLab.Server}");
        await scene.Lab.CutAsync("a");
        // Nor later: what the server may have for the host on the control channel, TCP would bring once the line is whole.
        await scene.Lab.RunAsync("server", ["nft", "add table ip mute; add chain ip mute out { type filter hook output priority 0; }; "
            + $"add rule ip mute out ip daddr {host.Address} tcp sport 3478 drop"]);
        var forwarded = await scene.ForwardedBytesAsync();
        var other = scene.Join();
        while (await scene.ForwardedBytesAsync() == forwarded)
        {
        }

        await other.StopAsync();
        await scene.Lab.HealAsync("a");
        var initial = WatchedJoin.Read(await capture.StopAsync(), new IPEndPoint(NatLab.Server, 3478)).First.Seal();

        using (var first = LabSocket.Udp(scene.Lab, Stranger))
        {
            await first.SendToAsync(initial, host);
            using var time = new CancellationTokenSource(ChildProcess.StepLimit);
            var answer = new byte[1500];
            var length = (await first.ReceiveFromAsync(answer, SocketFlags.None, host, time.Token)).ReceivedBytes;
            Assert.True(length >= 1200 && (answer[0] & 0xC0) == 0xC0);
        }

        using var second = LabSocket.Udp(scene.Lab, Stranger);
        await second.SendToAsync(initial, host);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<OperationCanceledException>(
            async () => await second.ReceiveFromAsync(new byte[1500], SocketFlags.None, host, patience.Token));
        Assert.Single(scene.Host.Output.Lines, line => line.Contains("\"peer-joined\"", StringComparison.Ordinal));
    }

    [LabFact(Programs = "tcpdump")]
    public async Task A_copied_request_opens_no_pair_at_the_server()
    {
        await using var scene = await TunnelScene.StartAsync(Open);
        var server = new IPEndPoint(NatLab.Server, 3478);
        await using var capture = await PacketCapture.StartAsync(scene.Lab, "b", $"tcp and port {server.Port}");
        await scene.JoinDirectAsync();
        var request = WatchedJoin.FirstControlMessage(await capture.StopAsync(), server);

        using var http = new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => new NetworkStream(await LabSocket.ConnectAsync(scene.Lab, Stranger, server), ownsSocket: true),
        };
        using var invoker = new HttpMessageInvoker(http);
        using var socket = new ClientWebSocket();
        using var time = new CancellationTokenSource(ChildProcess.StepLimit);
        await socket.ConnectAsync(new Uri($"ws://{server}/v1"), invoker, time.Token);
        var answer = new byte[16_384];
        await socket.ReceiveAsync(answer, time.Token);
        Assert.Equal(0x8001, (answer[0] << 8) | answer[1]); // SERVER_HELLO, with another nonce than the friend's
        await socket.SendAsync(request, WebSocketMessageType.Binary, endOfMessage: true, time.Token);
        await socket.ReceiveAsync(answer, time.Token);
        // ERROR, "unknown invite": what any wrong proof is told (docs/wire/control.md).
        Assert.Equal((0x8006, 11), ((answer[0] << 8) | answer[1], (answer[2] << 8) | answer[3]));
    }

    /// <summary>Lets a friend join, recording what the host's device sees.</summary>
    private static async Task<(TunnelClient Client, IPEndPoint Host, WatchedJoin Join)> WatchJoinAsync(TunnelScene scene)
    {
        await using var capture = await PacketCapture.StartAsync(scene.Lab, "a", "udp");
        var client = await scene.JoinDirectAsync();
        var (path, _) = await client.DirectAsync();
        var host = IPEndPoint.Parse(path.GetProperty("remote").GetString()!);
        return (client, host, WatchedJoin.Read(await capture.StopAsync(), host));
    }

    /// <summary>Sends everything to the host; the host's device must see all of it come, and nothing go back.</summary>
    private static async Task AttackAsync(TunnelScene scene, IPEndPoint host, List<byte[]> attacks)
    {
        await using var capture = await PacketCapture.StartAsync(scene.Lab, "a", $"host {NatLab.Server2}");
        using var socket = LabSocket.Udp(scene.Lab, Stranger);
        foreach (var attack in attacks)
        {
            await socket.SendToAsync(attack, host);
            // A pace that no queue and no rate limit mistakes for a flood.
            await Task.Delay(TimeSpan.FromMilliseconds(2), TestContext.Current.CancellationToken);
        }

        // Long enough for what is sent with a delay: acknowledgements, probes, a second try.
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        var seen = await capture.StopAsync();
        Assert.Equal(attacks.Count, seen.Count(packet => packet.Target.Equals(host)));
        Assert.DoesNotContain(seen, packet => packet.Target.Address.Equals(NatLab.Server2));
    }

    /// <summary>Random bytes of every length, and short headers, with which a QUIC server might answer a reset.</summary>
    private static IEnumerable<byte[]> Noise()
    {
        var random = new Random(1);
        for (var i = 0; i < 400; i++)
        {
            var noise = new byte[random.Next(1, 1400)];
            random.NextBytes(noise);
            if (i % 2 == 1)
                noise[0] = (byte)(0x40 | (noise[0] & 0x3F));
            yield return noise;
        }
    }

    /// <summary>Binding requests (RFC 8489 section 5), with and without CHANGE-REQUEST (RFC 5780 section 7.2).</summary>
    private static IEnumerable<byte[]> Stun()
    {
        byte[] id = RandomNumberGenerator.GetBytes(12);
        yield return [0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42, .. id];
        yield return [0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xA4, 0x42, .. id, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x00, 0x06];
        yield return [0x01, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42, .. id];
    }

    /// <summary>Frames of the server's, from somebody else.</summary>
    private static IEnumerable<byte[]> Relay()
    {
        for (byte type = 0x20; type < 0x30; type++)
            yield return [type, .. RandomNumberGenerator.GetBytes(64)];
    }

    /// <summary>The friend's own ClientHello without a token, with a wrong one, of unknown versions, and what is no Initial.</summary>
    private static IEnumerable<byte[]> WithoutInvite(ClientInitial join)
    {
        ClientInitial Fresh(byte[] token) => join with { Destination = RandomNumberGenerator.GetBytes(20), Token = token };
        yield return Fresh([]).Seal();
        yield return Fresh(RandomNumberGenerator.GetBytes(join.Token.Length)).Seal();
        // The visible half of the true one.
        yield return Fresh([.. join.Token[..10], .. RandomNumberGenerator.GetBytes(join.Token.Length - 10)]).Seal();
        yield return Fresh([1, 2, .. RandomNumberGenerator.GetBytes(126)]).Seal();
        yield return Fresh(join.Token).Seal();
        foreach (var length in new[] { 0, 8, 19 })
            yield return (join with { Destination = RandomNumberGenerator.GetBytes(length) }).Seal();
        // RFC 9000 section 6.1 would answer these with Version Negotiation: QUIC version 2, a reserved one, none.
        foreach (var version in new[] { 0x6B3343CFu, 0x1A2A3A4Au, 0u })
            yield return join.Seal(version);
        // 0-RTT, Handshake and Retry of the same connection.
        foreach (var type in new byte[] { 0xD0, 0xE0, 0xF0 })
        {
            var packet = join.Seal();
            packet[0] = (byte)(type | (packet[0] & 0x0F));
            yield return packet;
        }
    }

    /// <summary>The true token with one bit of each byte turned, under its own connection id, well sealed.</summary>
    private static IEnumerable<byte[]> AlteredTokens(ClientInitial join)
    {
        for (var i = 0; i < join.Token.Length; i++)
        {
            var token = (byte[])join.Token.Clone();
            token[i] ^= (byte)(1 << (i % 8));
            yield return (join with { Token = token }).Seal();
        }

        yield return (join with { Token = join.Token[..^1] }).Seal();
        yield return (join with { Token = [.. join.Token, 0] }).Seal();
    }
}
