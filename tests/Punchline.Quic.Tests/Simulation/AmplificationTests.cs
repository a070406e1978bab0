using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>An address that is not proven gets no more than three times what came from it (RFC 9000 sections 8.1 and 9.3.1).</summary>
public sealed class AmplificationTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly UdpAddress Victim = UdpAddress.FromBytes([198, 18, 1, 77], 0, 41_000);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_handshake_from_a_forged_address(int datagrams)
    {
        var scene = new Scene(1, Link);
        long received = 0;
        long sent = 0;
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Host)
            {
                sent += datagram.Length;
                return true;
            }
            if (received >= datagrams * 1200)
                return true;
            received += datagram.Length;
            return false;
        };
        scene.Connect();
        for (int i = 0; i < 10_000; i++)
        {
            scene.Network.RunFor(TimeSpan.FromMilliseconds(10));
            Assert.True(sent <= 3 * received, $"{sent} bytes for {received}");
        }
        Assert.True(sent > received, "the host says nothing at all");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Copied_packets_from_a_forged_address(bool punch)
    {
        Scene scene = Scene.Connected(2, Link, new QuicTransportOptions { Punch = punch });
        long received = 0;
        long sent = 0;
        scene.Network.Watch = (target, length) => sent += target == Victim ? length : 0;
        scene.Network.DropFilter = (from, _) => from == scene.Client && received == 0;
        for (int i = 0; i < 4000; i++)
        {
            // The host has much to say, wherever it believes the client to be.
            scene.HostConnection.TrySendDatagram(new byte[1000]);
            if (i % 300 == 0)
                received += scene.Say(fromClient: true, PingOf(1 + (i % 1000)), Victim);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
            Assert.True(sent <= 3 * received, $"{sent} bytes for {received}");
        }
        Assert.True(sent > 0, "the forged address gets nothing: the test tests nothing");
    }

    /// <summary>A PING, with PADDING up to a length.</summary>
    private static byte[] PingOf(int length)
    {
        var frames = new byte[length];
        frames[0] = 1;
        return frames;
    }
}
