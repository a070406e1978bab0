using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>
/// What stands in the IP header, seen by a packet socket; and a send queue that is really full. Both need a loopback device
/// of their own.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class UdpHeaderTests
{
    private const int EthernetHeader = 14;
    private const int EtherTypeOffset = 12;
    private const int EtherTypeIpv4 = 0x0800;
    private const int EtherTypeIpv6 = 0x86dd;
    private const int UsualTimeToLive = 64;

    public static TheoryData<string, bool> PlatformsAndFamilies => UdpTestPlatforms.AllWithFamily;

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void Hop_limit_ECN_and_dont_fragment_stand_in_the_header(string platform, bool ipv6) => NetworkNamespace.Run(() =>
    {
        using var tap = new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)IPAddress.HostToNetworkOrder((short)3));
        tap.ReceiveTimeout = 60_000;
        using var pair = new UdpTestPair(platform, ipv6);
        bool hasEcn = platform == "linux";
        byte mark = 100;
        foreach (byte timeToLive in (byte[])[0, 3, 0, 255])
        {
            foreach (bool ect0 in (bool[])[true, false])
            {
                pair.First.Send(pair.Second.LocalAddress, default, [++mark], 1, ect0, timeToLive);
                Header header = HeaderOf(tap, mark);
                Assert.Equal(timeToLive == 0 ? UsualTimeToLive : timeToLive, header.TimeToLive);
                Assert.Equal(ect0 && hasEcn ? 0b10 : 0, header.TrafficClass);
                Assert.True(header.DontFragment);
            }
        }
    });

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_datagram_above_the_devices_MTU_is_too_large(string platform, bool ipv6) => NetworkNamespace.Run(
        () =>
        {
            using var pair = new UdpTestPair(platform, ipv6);
            int headers = ipv6 ? 48 : 28;
            byte[] bytes = new byte[1400 - headers + 1];

            UdpSendStatus Send(int length) =>
                pair.First.Send(pair.Second.LocalAddress, default, bytes.AsSpan(0, length), length, ect0: true, timeToLive: 0);

            Assert.Equal(UdpSendStatus.TooLarge, Send(bytes.Length));
            Assert.Equal(UdpSendStatus.Sent, Send(bytes.Length - 1));
            Assert.Equal(bytes.Length - 1, pair.Receive(pair.Second, out _).Length);

            // A batch of such datagrams, too; and it costs nobody the segmentation.
            int before = pair.First.MaxSegments;
            byte[] batch = new byte[3 * bytes.Length];
            UdpSendStatus status = pair.First.Send(pair.Second.LocalAddress, default, batch, bytes.Length, ect0: true, timeToLive: 0);
            Assert.Equal(UdpSendStatus.TooLarge, status);
            Assert.Equal(before, pair.First.MaxSegments);
        },
        "ip link set lo mtu 1400");

    [Theory, MemberData(nameof(PlatformsAndFamilies))]
    public void A_full_send_queue_is_said_and_the_poller_tells_when_there_is_room(string platform, bool ipv6) => NetworkNamespace.Run(
        () =>
        {
            using var pair = new UdpTestPair(platform, ipv6);
            byte[] datagram = new byte[1200];

            UdpSendStatus Send() => pair.First.Send(pair.Second.LocalAddress, default, datagram, datagram.Length, ect0: true, timeToLive: 0);

            int sent = 0;
            UdpSendStatus status;
            while ((status = Send()) == UdpSendStatus.Sent)
                Assert.True(++sent < 100_000, "The queue has no end.");
            Assert.Equal(UdpSendStatus.WouldBlock, status);
            Assert.True(sent * datagram.Length >= 64 * 1024, $"only {sent} datagrams fit");

            // Only what the slow device lets go makes room. Incoming datagrams end waits, too, so several may pass.
            byte[] room = new byte[EndpointLimits.ReceiveBufferSize];
            int waits = 0;
            do
            {
                pair.Poller.WatchWritable(pair.First);
                pair.Poller.Wait(Timeout.InfiniteTimeSpan);
                while (pair.Second.TryReceive(room, out _))
                    waits = 0;
                Assert.True(++waits < 1000, "The poller does not wait.");
            }
            while (Send() == UdpSendStatus.WouldBlock);
        },
        "tc qdisc add dev lo root tbf rate 100mbit burst 16kb limit 8mb");

    /// <summary>The IP header of the datagram whose payload is this one byte. (On the loopback device the tap sees each packet twice.)</summary>
    private static Header HeaderOf(Socket tap, byte payload)
    {
        byte[] frame = new byte[2000];
        while (true)
        {
            int length = tap.Receive(frame);
            ReadOnlySpan<byte> packet = frame.AsSpan(EthernetHeader, length - EthernetHeader);
            if (packet[^1] != payload)
                continue;
            int type = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(EtherTypeOffset));
            if (type == EtherTypeIpv4 && packet.Length == 29)
                return new Header(packet[8], packet[1], (packet[6] & 0x40) != 0);
            // In IPv6 a router never fragments, and a sender's fragment would be longer.
            if (type == EtherTypeIpv6 && packet.Length == 49)
                return new Header(packet[7], (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4), DontFragment: true);
        }
    }

    private readonly record struct Header(byte TimeToLive, byte TrafficClass, bool DontFragment);
}
