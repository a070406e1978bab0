using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>What both kinds of sockets promise, on loopback.</summary>
public sealed class UdpSocketTests
{
    public static TheoryData<string> Platforms => UdpTestPlatforms.All;

    public static TheoryData<string, bool> PlatformsAndFamilies => UdpTestPlatforms.AllWithFamily;

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void One_datagram_of_any_size_arrives_whole(string platform, bool ipv6)
    {
        using var pair = new UdpTestPair(platform, ipv6);
        // 65,487: the largest through the loopback device's MTU of 65,536 with IPv6 as well. Elsewhere it is smaller.
        int[] sizes = OperatingSystem.IsLinux() ? [0, 1, 1199, 1200, 1472, 9000, 65_487] : [0, 1, 1199, 1200, 1472, 9000];
        foreach (int size in sizes)
        {
            byte[] sent = UdpTestPair.Pattern(size);
            Assert.Equal(UdpSendStatus.Sent, pair.First.Send(pair.Second.LocalAddress, default, sent, size, ect0: false, timeToLive: 0));
            ReadOnlySpan<byte> got = pair.Receive(pair.Second, out UdpReceived received);
            Assert.Equal(sent, got);
            Assert.Equal(size, received.SegmentSize);
            Assert.Equal(pair.First.LocalAddress, received.Remote);
            Assert.Equal(pair.Second.LocalAddress, received.Local);
            Assert.Equal(EcnCodepoint.NotEct, received.Ecn);
        }
    }

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_batch_arrives_as_its_datagrams_with_a_shorter_last_one(string platform, bool ipv6)
    {
        using var pair = new UdpTestPair(platform, ipv6);
        foreach (int segmentSize in (int[])[1, 7, 1200, 1452])
        {
            int most = Math.Min(UdpLimits.MaxBatchBytes / segmentSize, Math.Max(pair.First.MaxSegments, 5));
            foreach (int length in (int[])[segmentSize, segmentSize + 1, (2 * segmentSize) - 1, 3 * segmentSize, most * segmentSize, (most * segmentSize) - 1])
            {
                if (length <= 0)
                    continue;
                byte[] batch = UdpTestPair.Pattern(length);
                var expected = new List<byte[]>();
                UdpTestPair.Split(batch, segmentSize, expected);
                UdpSendStatus status = pair.First.Send(pair.Second.LocalAddress, default, batch, segmentSize, ect0: true, timeToLive: 0);
                Assert.Equal(UdpSendStatus.Sent, status);
                Assert.Equal(expected, pair.ReceiveDatagrams(pair.Second, expected.Count));
            }
        }
    }

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_large_volume_arrives_whole_and_in_order_if_the_receiver_keeps_up(string platform, bool ipv6)
    {
        const int Datagrams = 20_000;
        const int Size = 1200;
        using var pair = new UdpTestPair(platform, ipv6);
        int segments = Math.Min(pair.First.MaxSegments, UdpLimits.MaxBatchBytes / Size);
        byte[] batch = new byte[segments * Size];
        uint sent = 0;
        uint expected = 0;
        while (expected < Datagrams)
        {
            for (int i = 0; i < segments; i++)
                BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(i * Size), sent++);
            Assert.Equal(UdpSendStatus.Sent, pair.First.Send(pair.Second.LocalAddress, default, batch, Size, ect0: true, timeToLive: 0));
            while (expected < sent)
            {
                ReadOnlySpan<byte> got = pair.Receive(pair.Second, out UdpReceived received);
                Assert.Equal(Size, received.SegmentSize);
                for (int offset = 0; offset < got.Length; offset += Size)
                    Assert.Equal(expected++, BinaryPrimitives.ReadUInt32BigEndian(got[offset..]));
            }
        }
    }

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_warm_socket_allocates_nothing(string platform, bool ipv6)
    {
        using var pair = new UdpTestPair(platform, ipv6);
        byte[] batch = UdpTestPair.Pattern(pair.First.MaxSegments > 1 ? 12_000 : 1200);
        byte[] room = new byte[EndpointLimits.ReceiveBufferSize];
        UdpAddress first = pair.First.LocalAddress;
        UdpAddress second = pair.Second.LocalAddress;

        int Exchange(int rounds)
        {
            int got = 0;
            for (int i = 0; i < rounds; i++)
            {
                pair.First.Send(second, first, batch, 1200, ect0: true, timeToLive: 0);
                pair.First.Send(second, first, batch.AsSpan(0, 100), 100, ect0: false, timeToLive: 8);
                pair.Poller.Wake();
                pair.Poller.WatchWritable(pair.First);
                pair.Poller.Wait(TimeSpan.FromSeconds(1));
                while (pair.Second.TryReceive(room, out UdpReceived received))
                    got += received.Length;
            }
            return got;
        }

        // Long enough for the code to be compiled in its last tier, which happens on other threads.
        Exchange(200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int bytes = Exchange(200);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(200 * (batch.Length + 100), bytes);
        Assert.Equal(0, allocated);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void What_is_larger_than_UDP_is_too_large(string platform)
    {
        using var pair = new UdpTestPair(platform);
        byte[] tooMuch = new byte[65_508];
        UdpAddress to = pair.Second.LocalAddress;
        Assert.Equal(UdpSendStatus.TooLarge, pair.First.Send(to, default, tooMuch, tooMuch.Length, ect0: false, timeToLive: 0));
        // The socket lives on.
        Assert.Equal(UdpSendStatus.Sent, pair.First.Send(to, default, [1], 1, ect0: false, timeToLive: 0));
        Assert.Equal([1], pair.Receive(pair.Second, out _).ToArray());
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Where_nothing_can_go_is_unreachable(string platform)
    {
        using var pair = new UdpTestPair(platform);
        UdpAddress to = pair.Second.LocalAddress;

        UdpSendStatus Send(UdpAddress remote, UdpAddress local) => pair.First.Send(remote, local, [1], 1, ect0: false, timeToLive: 0);

        Assert.Equal(UdpSendStatus.Unreachable, Send(default, default));
        Assert.Equal(UdpSendStatus.Unreachable, Send(UdpTestPlatforms.Address("::1", 9), default));
        Assert.Equal(UdpSendStatus.Unreachable, Send(UdpTestPlatforms.Address("255.255.255.255", 9), default));
        // A source address that is not of this machine (RFC 5737), or of the other family.
        Assert.Equal(UdpSendStatus.Unreachable, Send(to, UdpTestPlatforms.Address("192.0.2.1")));
        Assert.Equal(UdpSendStatus.Unreachable, Send(to, UdpTestPlatforms.Loopback6));
        Assert.Equal(UdpSendStatus.Sent, Send(to, UdpTestPlatforms.Loopback4));
    }

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void ICMP_answers_do_not_disturb_the_reception(string platform, bool ipv6)
    {
        using var pair = new UdpTestPair(platform, ipv6);
        UdpAddress closed;
        using (IUdpSocket gone = UdpTestPlatforms.Named(platform).Bind(UdpTestPlatforms.Loopback(ipv6)))
            closed = gone.LocalAddress;
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(UdpSendStatus.Sent, pair.Second.Send(closed, default, [0], 1, ect0: false, timeToLive: 0));
            Assert.Equal(UdpSendStatus.Sent, pair.First.Send(pair.Second.LocalAddress, default, [7], 1, ect0: false, timeToLive: 0));
            Assert.Equal([7], pair.Receive(pair.Second, out _).ToArray());
        }
    }

    [Theory, MemberData(nameof(Platforms))]
    public void A_datagram_longer_than_the_buffer_is_skipped(string platform)
    {
        using var pair = new UdpTestPair(platform);
        pair.First.Send(pair.Second.LocalAddress, default, new byte[100], 100, ect0: false, timeToLive: 0);
        pair.First.Send(pair.Second.LocalAddress, default, [5], 1, ect0: false, timeToLive: 0);
        byte[] small = new byte[10];
        UdpReceived received;
        while (!pair.Second.TryReceive(small, out received))
            pair.Poller.Wait(TimeSpan.FromSeconds(1));
        if (OperatingSystem.IsWindows() || platform == "linux")
            Assert.Equal(1, received.Length);
        else
            Assert.InRange(received.Length, 1, small.Length);
    }

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_wildcard_socket_is_reached_and_answers(string platform, bool ipv6)
    {
        UdpAddress wildcard = UdpTestPlatforms.Address(ipv6 ? "::" : "0.0.0.0");
        using var pair = new UdpTestPair(platform, UdpTestPlatforms.Loopback(ipv6), wildcard);
        Assert.True(pair.Second.LocalAddress.IsUnspecified);
        UdpAddress to = UdpTestPlatforms.Loopback(ipv6).WithPort(pair.Second.LocalAddress.Port);
        Assert.Equal(UdpSendStatus.Sent, pair.First.Send(to, default, [1], 1, ect0: false, timeToLive: 0));
        pair.Receive(pair.Second, out UdpReceived received);
        Assert.Equal(UdpTestPlatforms.Named(platform).KnowsLocalAddress ? to : pair.Second.LocalAddress, received.Local);
        Assert.Equal(UdpSendStatus.Sent, pair.Second.Send(received.Remote, received.Local, [2], 1, ect0: false, timeToLive: 0));
        pair.Receive(pair.First, out UdpReceived answer);
        Assert.Equal(to, answer.Remote);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void An_IPv6_wildcard_leaves_its_port_to_an_IPv4_socket(string platform)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "needs IPv6");
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        using IUdpSocket six = sockets.Bind(UdpTestPlatforms.Address("::"));
        using IUdpSocket four = sockets.Bind(UdpTestPlatforms.Address("127.0.0.1", six.LocalAddress.Port));
        Assert.Equal(six.LocalAddress.Port, four.LocalAddress.Port);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void A_port_in_use_and_a_foreign_address_are_said_at_once(string platform)
    {
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        using IUdpSocket taken = sockets.Bind(UdpTestPlatforms.Loopback4);
        SocketException inUse = Assert.Throws<SocketException>(() => sockets.Bind(taken.LocalAddress));
        Assert.Equal(SocketError.AddressAlreadyInUse, inUse.SocketErrorCode);
        SocketException foreign = Assert.Throws<SocketException>(() => sockets.Bind(UdpTestPlatforms.Address("192.0.2.1")));
        Assert.Equal(SocketError.AddressNotAvailable, foreign.SocketErrorCode);
        Assert.Throws<ArgumentException>(() => sockets.Bind(default));
    }

    [Theory, MemberData(nameof(Platforms))]
    public void The_base_librarys_sockets_understand_ours(string platform)
    {
        using var pair = new UdpTestPair(platform);
        using var plain = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        plain.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var plainAddress = (IPEndPoint)plain.LocalEndPoint!;
        pair.First.Send(new UdpAddress(plainAddress.Address, plainAddress.Port), default, UdpTestPair.Pattern(2500), 1200, ect0: true, timeToLive: 0);
        byte[] room = new byte[3000];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(1200, plain.ReceiveFrom(room, ref from));
        Assert.Equal(1200, plain.ReceiveFrom(room, ref from));
        Assert.Equal(100, plain.ReceiveFrom(room, ref from));
        Assert.Equal(pair.First.LocalAddress.ToIPEndPoint(), from);
    }
}
