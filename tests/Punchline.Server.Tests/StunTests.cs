using System.Net;
using Punchline.Quic;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>STUN over the server's real sockets (RFC 8489).</summary>
public sealed class StunTests
{
    // A Binding request without attributes: type, length, magic cookie, transaction id.
    private static readonly byte[] Request = Convert.FromHexString("000100002112a442000102030405060708090a0b");

    [Fact]
    public async Task Both_ports_answer_with_the_address_that_they_see()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        using var peer = new UdpPeer();
        foreach (int port in new[] { server.Port, server.AlternatePort })
        {
            var target = new UdpAddress(IPAddress.Loopback, port);
            await peer.SendAsync(target, Request);
            (UdpAddress from, byte[] answer) = await peer.ReceiveAsync();
            Assert.Equal(target, from);
            Assert.Equal(0x0101, answer[0] << 8 | answer[1]);
            Assert.Equal(Request[4..20], answer[4..20]);
            Assert.Equal(peer.Address, MappedAddress(answer));
        }
    }

    [Fact]
    public async Task The_answer_goes_to_another_port_of_the_asker_where_that_is_asked_for()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        using var asker = new UdpPeer();
        using var other = new UdpPeer();
        // With RESPONSE-PORT (RFC 5780 section 7.5).
        byte[] request = [.. Request, 0x00, 0x27, 0x00, 0x04, (byte)(other.Address.Port >> 8), (byte)other.Address.Port, 0, 0];
        request[3] = 8;
        await asker.SendAsync(new UdpAddress(IPAddress.Loopback, server.Port), request);
        (_, byte[] answer) = await other.ReceiveAsync();
        Assert.Equal(Request[4..20], answer[4..20]);
        Assert.Equal(asker.Address, MappedAddress(answer));
    }

    [Fact]
    public async Task Everything_else_is_met_with_silence()
    {
        await using PunchlineServer server = await TestServer.StartAsync();
        using var peer = new UdpPeer();
        var target = new UdpAddress(IPAddress.Loopback, server.Port);
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] noise = new byte[random.Next(1, 1400)];
            random.NextBytes(noise);
            // Not a cookie request, which is 32 bytes of type 0x21.
            if (noise[0] == 0x21)
                continue;
            await peer.SendAsync(target, noise);
        }
        // Datagrams of one flow on loopback keep their order: the first answer must be the one to the last question.
        await peer.SendAsync(target, Request);
        (_, byte[] answer) = await peer.ReceiveAsync();
        Assert.Equal(Request[4..20], answer[4..20]);
    }

    // XOR-MAPPED-ADDRESS of IPv4 (RFC 8489 section 14.2), wherever it stands.
    private static UdpAddress MappedAddress(ReadOnlySpan<byte> answer)
    {
        for (int at = 20; at + 4 <= answer.Length;)
        {
            int type = answer[at] << 8 | answer[at + 1];
            int length = answer[at + 2] << 8 | answer[at + 3];
            if (type == 0x0020)
            {
                ReadOnlySpan<byte> value = answer.Slice(at + 4, length);
                int port = (value[2] << 8 | value[3]) ^ 0x2112;
                byte[] address = [(byte)(value[4] ^ 0x21), (byte)(value[5] ^ 0x12), (byte)(value[6] ^ 0xa4), (byte)(value[7] ^ 0x42)];
                return new UdpAddress(new IPAddress(address), port);
            }
            at += 4 + ((length + 3) & ~3);
        }
        return default;
    }
}
