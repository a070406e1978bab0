using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Punchline.Invites;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A host answers nothing to whoever has no invite (DESIGN section 3), and leaves nothing open when it ends.</summary>
public sealed class SilenceTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stranger_hears_nothing_whatever_it_sends()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string text = await Rig.InviteOf(host);
        Assert.True(Invite.TryParse(text, out Invite? invite, out _, out _));
        var address = new IPEndPoint(IPAddress.Loopback, await UdpPortAsync(rig, "host"));
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (byte[] datagram in Everything(invite!))
            await stranger.SendToAsync(datagram, address, Stop);
        // The host has read all of that before it lets a friend in, whose packets come to the same socket later.
        RunningRole client = rig.Client(text);
        await client.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
        Assert.Equal(0, stranger.Available);
    }

    [Fact]
    public async Task Ended_roles_leave_no_socket_behind()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        RunningRole client = rig.Client(await Rig.InviteOf(host));
        await client.DirectAsync();
        IPEndPoint port = await Rig.PortOf(client, "echo");
        await Visitor.EchoAsync(port);
        int udp = await UdpPortAsync(rig, "host");
        await client.StopAsync();
        await host.StopAsync();
        // Their ports can be had by others.
        foreach (IPAddress any in new[] { IPAddress.Any, IPAddress.Loopback })
        {
            using var again = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            again.Bind(new IPEndPoint(any, udp));
        }
        using var listener = new TcpListener(port);
        listener.Start();
        Assert.IsType<PeerLeft>(await host.Events.WaitAsync<PeerLeft>());
    }

    private static async Task<int> UdpPortAsync(Rig rig, string name) =>
        int.Parse(await File.ReadAllTextAsync(Path.Combine(rig.StateOf(name), "udp-port"), Stop), System.Globalization.CultureInfo.InvariantCulture);

    private static IEnumerable<byte[]> Everything(Invite invite)
    {
        var random = new Random(20);
        for (int i = 0; i < 300; i++)
        {
            var noise = new byte[random.Next(1, 1_400)];
            random.NextBytes(noise);
            yield return noise;
            // Short headers, with the fixed bit.
            var shortHeader = (byte[])noise.Clone();
            shortHeader[0] = (byte)(0x40 | (shortHeader[0] & 0x3f));
            yield return shortHeader;
        }
        yield return Convert.FromHexString("000100182112a4420102030405060708090a0b0c8022000950756e63686c696e65000000802800043ff215d0");
        yield return [0x21, 1, 2, 3, 4, 5, 6, 7, 8, .. new byte[23]];
        yield return [0x20, 1, 2, 3, 4, 5, 6, 7, 8, .. Initial(random, 1, [])];
        yield return Initial(random, 0x1a2a3a4a, []);
        yield return Initial(random, 0, []);
        yield return Initial(random, 1, []);
        var wrong = new byte[66];
        random.NextBytes(wrong);
        yield return Initial(random, 1, wrong);
        byte[] peer = new byte[32];
        var id = InviteId.Read(invite.Id.Span);
        foreach ((byte[] secret, ulong nonce, bool alter) in new[]
        {
            (new byte[16], 0UL, false), (invite.Secret.ToArray(), 0UL, false), (invite.Secret.ToArray(), 1UL, true),
        })
        {
            var destination = new ConnectionId(Bytes(random, 20));
            byte[] token = DoorToken.Seal(secret, id, invite.HostId.Span, destination, nonce, peer);
            if (alter)
                token[^1] ^= 1;
            yield return Initial(random, 1, token, destination);
        }
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A long header of the form that every QUIC has (RFC 8999), of type Initial, in 1,200 bytes.</summary>
    private static byte[] Initial(Random random, uint version, byte[] token, ConnectionId? destination = null)
    {
        byte[] packet = Bytes(random, 1_200);
        packet[0] = 0xc3;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(1), version);
        packet[5] = 20;
        destination?.Span.CopyTo(packet.AsSpan(6));
        packet[26] = 8;
        int at = 35;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(at), (ushort)(0x4000 | token.Length));
        token.CopyTo(packet, at + 2);
        at += 2 + token.Length;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(at), (ushort)(0x4000 | (packet.Length - at - 2)));
        return packet;
    }
}
