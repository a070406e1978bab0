using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A path whose first packets were slow is no slow path: the choice is made again with each sample.</summary>
public sealed class NearestPathTests
{
    private static readonly UdpAddress HostNear = UdpAddress.FromBytes([198, 18, 3, 2], 0, 50_003);

    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(20) };
    private static readonly LinkProfile Far = new() { Delay = TimeSpan.FromMilliseconds(15) };
    private static readonly LinkProfile Slow = new() { Delay = TimeSpan.FromMilliseconds(100) };
    private static readonly LinkProfile Near = new() { Delay = TimeSpan.FromMilliseconds(2) };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_path_that_was_slow_at_first_is_taken_once_it_shows_what_it_can(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(Far);
        scene.Network.SetBoth(Scene.ClientDirect, HostNear, Slow);
        scene.Host.AddAddress(HostNear);
        scene.HostConnection.AddLocalCandidate(new Candidate(HostNear, CandidateKind.Host));
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(Scene.HostDirect, scene.Connection.CurrentPath.RemoteAddress);

        scene.Network.SetBoth(Scene.ClientDirect, HostNear, Near);
        // The standby is asked every 15 seconds.
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.RemoteAddress == HostNear, TimeSpan.FromSeconds(16)), "the near path is not taken");
        scene.Network.SetBoth(Scene.ClientDirect, HostNear, Slow);
        scene.Network.RunFor(TimeSpan.FromSeconds(60));
        // Its shortest sample counts: that it is slow now may be a queue of ours.
        Assert.Equal(HostNear, scene.Connection.CurrentPath.RemoteAddress);
    }
}
