using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Punchline.Quic;
using Punchline.Udp;
using Punchline.Udp.Linux;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>What only the Linux sockets can: batches in one call, the address that was reached, ECN.</summary>
[SupportedOSPlatform("linux")]
public sealed class LinuxUdpSocketTests
{
    private const int LevelIpv6 = 41;
    private const int Ipv6TrafficClass = 67;
    private const int NoChecksum = 11;

    public LinuxUdpSocketTests() => Assert.SkipUnless(UdpPlatform.IsLinuxSupported, "needs 64-bit Linux");

    [Fact]
    public void The_answer_leaves_from_the_address_that_was_reached()
    {
        using var pair = new UdpTestPair("linux", UdpTestPlatforms.Loopback4, UdpTestPlatforms.Address("0.0.0.0"));
        foreach (string reached in (string[])["127.0.0.2", "127.7.7.7", "127.0.0.1"])
        {
            UdpAddress to = UdpTestPlatforms.Address(reached, pair.Second.LocalAddress.Port);
            Assert.Equal(UdpSendStatus.Sent, pair.First.Send(to, default, [1], 1, ect0: false, timeToLive: 0));
            pair.Receive(pair.Second, out UdpReceived request);
            Assert.Equal(to, request.Local);
            pair.Second.Send(request.Remote, request.Local, UdpTestPair.Pattern(3000), 1000, ect0: false, timeToLive: 0);
            pair.Receive(pair.First, out UdpReceived answer);
            Assert.Equal(to, answer.Remote);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_batch_travels_in_one_piece(bool ipv6)
    {
        using var pair = new UdpTestPair("linux", ipv6);
        Assert.Equal(64, pair.First.MaxSegments);
        byte[] batch = UdpTestPair.Pattern((64 * 1000) - 1);
        Assert.Equal(UdpSendStatus.Sent, pair.First.Send(pair.Second.LocalAddress, default, batch, 1000, ect0: true, timeToLive: 0));
        ReadOnlySpan<byte> got = pair.Receive(pair.Second, out UdpReceived received);
        Assert.Equal(1000, received.SegmentSize);
        Assert.Equal(batch, got);
    }

    [Fact]
    public void Segmentation_that_fails_is_turned_off_and_every_datagram_sent_alone()
    {
        using var pair = new UdpTestPair("linux");
        // The kernel refuses to segment for a socket without checksums: EINVAL, as for other lacks.
        Assert.True(((LinuxUdpSocket)pair.First).TrySet(level: 1, NoChecksum, value: 1));
        byte[] batch = UdpTestPair.Pattern(10_500);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(round == 0 ? 64 : 1, pair.First.MaxSegments);
            Assert.Equal(UdpSendStatus.Sent, pair.First.Send(pair.Second.LocalAddress, default, batch, 1000, ect0: false, timeToLive: 0));
            Assert.Equal(batch, pair.ReceiveDatagrams(pair.Second, 11).SelectMany(datagram => datagram));
            Assert.Equal(1, pair.First.MaxSegments);
        }
    }

    [Fact]
    public void A_source_address_that_is_gone_does_not_cost_segmentation()
    {
        using var pair = new UdpTestPair("linux");
        UdpSendStatus status = pair.First.Send(
            pair.Second.LocalAddress, UdpTestPlatforms.Address("192.0.2.1"), new byte[5000], 1000, ect0: false, timeToLive: 0);
        Assert.Equal(UdpSendStatus.Unreachable, status);
        Assert.Equal(64, pair.First.MaxSegments);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Congestion_experienced_is_seen(bool ipv6)
    {
        using var pair = new UdpTestPair("linux", ipv6);
        using var plain = new Socket(
            ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (int ecn = 0; ecn < 4; ecn++)
        {
            if (ipv6)
                plain.SetRawSocketOption(LevelIpv6, Ipv6TrafficClass, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in ecn)));
            else
                plain.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.TypeOfService, ecn);
            plain.SendTo([1], pair.Second.LocalAddress.ToIPEndPoint());
            pair.Receive(pair.Second, out UdpReceived received);
            Assert.Equal((EcnCodepoint)ecn, received.Ecn);
        }
    }

    [Fact]
    public void Addresses_and_control_messages_are_read_totally()
    {
        var random = new Random(5);
        byte[] bytes = new byte[64];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            // Small numbers where lengths and families stand, so that all branches are met.
            if (i % 2 == 0)
            {
                bytes.AsSpan(0, 8).Clear();
                bytes[0] = (byte)random.Next(40);
            }
            Span<byte> input = bytes.AsSpan(0, random.Next(bytes.Length + 1));
            SocketAddressBytes.TryRead(input, out _);
            var reader = new ControlReader(input);
            int messages = 0;
            while (reader.TryNext())
                Assert.True(++messages <= input.Length / ControlWriter.HeaderLength);
        }
    }

    [Theory, InlineData("192.0.2.7"), InlineData("2001:db8::7"), InlineData("fe80::1%3")]
    public void An_address_survives_the_way_through_the_kernels_form(string text)
    {
        UdpAddress address = UdpTestPlatforms.Address(text, 40_000);
        Span<byte> bytes = stackalloc byte[SocketAddressBytes.MaxLength];
        int length = SocketAddressBytes.Write(address, bytes);
        Assert.True(SocketAddressBytes.TryRead(bytes[..length], out UdpAddress read));
        Assert.Equal(address, read);
        Assert.Equal(text.StartsWith("fe80", StringComparison.Ordinal) ? 3u : 0u, read.Scope);
        Assert.False(SocketAddressBytes.TryRead(bytes[..(length - 1)], out _));
    }
}
