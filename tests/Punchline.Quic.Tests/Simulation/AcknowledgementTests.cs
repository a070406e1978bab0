using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Acknowledgements beside one-sided traffic.</summary>
public sealed class AcknowledgementTests
{
    private readonly byte[] _buffer = new byte[1500];

    [Fact]
    public void A_side_that_only_acknowledges_asks_now_and_then_to_be_acknowledged()
    {
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
        int most = 0;
        for (int i = 0; i < 5000; i++)
        {
            scene.Connection.TrySendDatagram(new byte[200]);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
            Drain(scene.HostConnection);
            most = Math.Max(most, scene.HostConnection.TrackedPackets());
        }
        // RFC 9000 section 13.2.4. Without it the host would remember every acknowledgement of its own, and repeat all its ranges.
        Assert.InRange(most, 1, 200);
    }

    [Fact]
    public void A_datagram_of_full_size_leaves_at_once_beside_a_long_acknowledgement()
    {
        Scene scene = Scene.Connected(2, new LinkProfile { Delay = TimeSpan.FromMilliseconds(60) });
        // What comes from the host has many holes, so that the client's acknowledgement has many ranges.
        scene.Network.SetLink(Scene.HostRelay, Scene.ClientRelay, new LinkProfile { Delay = TimeSpan.FromMilliseconds(60), Jitter = TimeSpan.FromMilliseconds(10), Loss = 0.3 });
        int full = 0;
        scene.Network.Watch = (target, length) => full += target == Scene.HostRelay && length > 1100 ? 1 : 0;
        int payload = scene.Connection.MaxDatagramPayload;
        Assert.True(payload > 1100, $"{payload} bytes");
        for (int i = 0; i < 200; i++)
        {
            for (int k = 0; k < 5; k++)
            {
                scene.HostConnection.TrySendDatagram(new byte[100]);
                scene.Network.RunFor(TimeSpan.FromMilliseconds(5));
                Drain(scene.Connection);
            }
            full = 0;
            Assert.True(scene.Connection.TrySendDatagram(new byte[payload]));
            scene.Network.RunFor(TimeSpan.Zero);
            Assert.True(full == 1, $"datagram {i} does not leave when it is queued");
            Drain(scene.HostConnection);
        }
    }

    private void Drain(QuicConnection connection)
    {
        while (connection.TryReadDatagram(_buffer, out _))
        {
        }
    }
}
