using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A path that stops to carry large datagrams and says nothing of it (RFC 8899 section 4.3).</summary>
public sealed class BlackHoleTests
{
    private static readonly LinkProfile Wide = new() { Delay = TimeSpan.FromMilliseconds(10), Rate = 1_000_000 };

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void A_transfer_goes_on_with_smaller_datagrams(bool relay, bool smallOnesToo)
    {
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
        scene.OfferDirect(Wide);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.ClientApplication.Start(scene.Connection, 1, 8_000_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(1472, Size(scene.Connection));
        long before = scene.ClientApplication.BytesReceived;
        scene.Check(!scene.ClientApplication.IsDone && before > 0, "the transfer is not under way");

        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Wide with { MaxPayload = 1300 });
        if (!relay)
            scene.Network.SetBoth(Scene.ClientRelay, Scene.HostRelay, new LinkProfile { IsCut = true });
        for (int i = 0; i < 1500 && !scene.ClientApplication.IsDone; i++)
        {
            // Small datagrams that pass keep the probe timeout from ever telling that the large ones do not.
            if (smallOnesToo)
            {
                scene.Connection.TrySendDatagram(new byte[50]);
                scene.HostConnection.TrySendDatagram(new byte[50]);
            }
            scene.Network.RunFor(TimeSpan.FromMilliseconds(20));
        }
        scene.Check(scene.ClientApplication.IsDone, $"the transfer stands at {scene.ClientApplication.BytesReceived}, before {before}");
        scene.Check(scene.IsDirect, "the direct path is given up");
        Assert.InRange(Size(scene.Connection), 1200, 1300);
        Assert.InRange(Size(scene.HostConnection), 1200, 1300);
    }

    private static int Size(QuicConnection connection) =>
        connection.TryGetPathStatistics(connection.CurrentPath, out PathStatistics path) ? path.MaxDatagramSize : 0;
}
