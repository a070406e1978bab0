using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Each datagram of the handshake dropped in turn, from either side: it still completes, and data flows.</summary>
public sealed class HandshakeDropTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    public static TheoryData<bool, int, int> Drops()
    {
        var data = new TheoryData<bool, int, int>();
        foreach (bool fromClient in new[] { true, false })
        {
            for (int first = 0; first < 8; first++)
            {
                for (int count = 1; count <= 3; count++)
                    data.Add(fromClient, first, count);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Drops))]
    public void A_handshake_survives_the_loss_of_any_datagrams(bool fromClient, int first, int count)
    {
        var scene = new Scene(100, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        int seen = 0;
        scene.Network.DropFilter = (from, _) =>
        {
            if (from == scene.Client != fromClient)
                return false;
            int number = seen++;
            return number >= first && number < first + count;
        };
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 20_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "no transfer");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_handshake_survives_when_every_second_datagram_of_a_side_is_lost(bool fromClient)
    {
        var scene = new Scene(101, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        int seen = 0;
        scene.Network.DropFilter = (from, _) => from == scene.Client == fromClient && seen++ % 2 == 0;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 20_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "no transfer");
    }

    [Fact]
    [Trait("Length", "Medium")]
    public void A_handshake_survives_any_of_the_1024_losses_among_the_first_ten_datagrams()
    {
        const int Datagrams = 10;
        for (int lost = 0; lost < 1 << Datagrams; lost++)
        {
            var scene = new Scene(102, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
            int seen = 0;
            scene.Network.DropFilter = (_, _) => seen < Datagrams && (lost >> seen++ & 1) == 1;
            scene.Connect();
            scene.Check(
                scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, TimeSpan.FromSeconds(60)),
                $"no handshake when {lost:b10} are lost, the first one rightmost");
        }
    }
}
