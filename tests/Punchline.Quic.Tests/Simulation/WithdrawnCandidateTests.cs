using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Candidates that their owner withdrew (docs/wire/punch.md section 4.2).</summary>
public sealed class WithdrawnCandidateTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void They_are_probed_no_more(bool ofClient)
    {
        UdpAddress gone = ofClient ? Scene.ClientDirect : Scene.HostDirect;
        Scene scene = Scene.Connected(1, Relay);
        scene.OfferDirect(new LinkProfile { IsCut = true });
        int probes = 0;
        scene.Network.Watch = (target, _) => probes += target == gone ? 1 : 0;
        scene.Network.RunFor(TimeSpan.FromSeconds(6));
        Assert.True(probes > 0, "never probed");
        (ofClient ? scene.Connection : scene.HostConnection).RemoveLocalCandidate(gone);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        probes = 0;
        scene.Network.RunFor(TimeSpan.FromSeconds(65));
        Assert.Equal(0, probes);
    }

    [Fact]
    public void A_path_that_stands_lives_on()
    {
        Scene scene = Scene.Connected(2, Relay);
        scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(3) });
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.Connection.RemoveLocalCandidate(Scene.ClientDirect);
        scene.HostConnection.RemoveLocalCandidate(Scene.HostDirect);
        scene.ClientApplication.Start(scene.Connection, 1, 100_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(5)), "no transfer");
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        scene.Check(scene.IsDirect, "given up");
    }
}
