using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>DATAGRAM frames as RFC 9221 has them.</summary>
public sealed class DatagramTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(40), MaxPayload = 4000 };

    [Fact]
    public void None_is_sent_before_the_peer_has_said_that_it_takes_them() // section 3
    {
        var scene = new Scene(1, Link);
        scene.Connect();
        Assert.Equal(0, scene.Connection.MaxDatagramPayload);
        Assert.False(scene.Connection.TrySendDatagram([1]));
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, TimeSpan.FromSeconds(10)), "no handshake");
        Assert.True(scene.Connection.TrySendDatagram([1]));

        scene.Connection.PeerParameters() = new TransportParameters { MaxDatagramFrameSize = 0 };
        Assert.Equal(0, scene.Connection.MaxDatagramPayload);
        Assert.False(scene.Connection.TrySendDatagram([1]));
    }

    [Fact]
    public void None_is_larger_than_the_peer_takes() // section 3
    {
        Scene scene = Scene.Connected(2, Link);
        scene.Connection.PeerParameters() = new TransportParameters { MaxDatagramFrameSize = 100 };
        // Type and length take three of them: a length above 63 has two bytes.
        Assert.Equal(97, scene.Connection.MaxDatagramPayload);
        Assert.False(scene.Connection.TrySendDatagram(new byte[98]));
        Assert.True(scene.Connection.TrySendDatagram(new byte[97]));
    }

    [Theory]
    [InlineData(1500, true)]
    [InlineData(1501, false)]
    public void A_frame_larger_than_we_take_ends_the_connection(int length, bool taken) // section 3
    {
        Scene scene = Scene.Connected(3, Link);
        var frame = new byte[length];
        frame[0] = (byte)FrameTypes.Datagram; // to the end of the packet
        scene.Say(fromClient: true, frame);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(taken, scene.HostConnection.IsOpen);
        if (!taken)
            Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, scene.HostApplication.ClosedBy?.Code);
    }

    [Fact]
    public void They_wait_for_the_congestion_window() // section 5.4
    {
        Scene scene = Scene.Connected(4, Link);
        int queued = 0;
        while (scene.Connection.TrySendDatagram(new byte[1000]))
            queued++;
        Assert.InRange(queued, 100, 600);
        for (int i = 0; i < 100; i++)
        {
            scene.Network.RunFor(TimeSpan.FromMilliseconds(2));
            Assert.True(scene.Connection.TryGetPathStatistics(scene.Connection.CurrentPath, out PathStatistics path));
            Assert.InRange(path.BytesInFlight, 0, path.CongestionWindow);
        }
    }
}
