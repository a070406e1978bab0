using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>The best of two direct paths dies, and the other one serves: the client goes on looking, ever more rarely (docs/wire/punch.md section 4.3).</summary>
public sealed class BetterPathTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Near = new() { Delay = TimeSpan.FromMilliseconds(3) };
    private static readonly LinkProfile Far = new() { Delay = TimeSpan.FromMilliseconds(30) };
    private static readonly LinkProfile Dead = new() { IsCut = true };
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private static readonly UdpAddress FarClient = Scene.ClientDirect.WithPort(50_009);

    [Theory]
    [InlineData(3)]
    [InlineData(60)]
    [InlineData(3_600)]
    public void Data_returns_when_the_outage_is_over(int seconds)
    {
        Scene scene = WithoutBetter(1);
        scene.Network.RunFor(TimeSpan.FromSeconds(seconds));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Near);
        // Not later than as long again, nor than the longest pause between rounds.
        TimeSpan limit = Soon + TimeSpan.FromSeconds(Math.Min(seconds, 600));
        scene.Check(scene.Network.RunUntil(() => Local(scene) == Scene.ClientDirect, limit), "data stays on the longer path");
        ulong round = scene.Connection.Puncher().Round;
        scene.Network.RunFor(TimeSpan.FromHours(1));
        Assert.Equal(round, scene.Connection.Puncher().Round);
    }

    [Fact]
    public void Where_it_stays_dead_few_rounds_are_made_and_none_is_a_failure()
    {
        Scene scene = WithoutBetter(2);
        ulong round = scene.Connection.Puncher().Round;
        scene.Network.RunFor(TimeSpan.FromHours(2));
        // 5, 10, 20 seconds and so on up to ten minutes, and one in ten minutes from then on.
        Assert.InRange(scene.Connection.Puncher().Round - round, 12ul, 19ul);
        Assert.DoesNotContain(scene.ClientApplication.Events, static e => e.Kind == QuicEventKind.PunchingFailed);
        Assert.Equal(FarClient, Local(scene));
    }

    [Fact]
    public void When_the_other_dies_too_rounds_are_as_frequent_as_ever()
    {
        Scene scene = WithoutBetter(3);
        scene.Network.RunFor(TimeSpan.FromHours(1));
        scene.Network.SetBoth(FarClient, Scene.HostDirect, Dead);
        scene.Connection.TrySendDatagram([1]);
        scene.Check(scene.Network.RunUntil(() => !scene.IsDirect, Soon), "direct over dead links");
        scene.Network.RunFor(TimeSpan.FromSeconds(7)); // More than one round.
        scene.Network.SetBoth(FarClient, Scene.HostDirect, Far);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
    }

    [Fact]
    public void What_the_peer_has_withdrawn_is_not_waited_for()
    {
        Scene scene = WithoutBetter(4);
        scene.Connection.RemovePath(scene.Network.Now, scene.Client.PathTo(Scene.ClientDirect, Scene.HostDirect));
        scene.Network.RunFor(Soon);
        ulong round = scene.Connection.Puncher().Round;
        scene.Network.RunFor(TimeSpan.FromHours(1));
        Assert.Equal(round, scene.Connection.Puncher().Round);
    }

    private static Scene WithoutBetter(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(Near);
        scene.Network.SetBoth(FarClient, Scene.HostDirect, Far);
        scene.Client.AddAddress(FarClient);
        scene.Connection.TryAddPath(scene.Network.Now, scene.Client.PathTo(FarClient, Scene.HostDirect));
        scene.Network.RunFor(TimeSpan.FromMinutes(1));
        scene.Check(Local(scene) == Scene.ClientDirect, "not the shorter path");
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Connection.TrySendDatagram([1]);
        scene.Check(scene.Network.RunUntil(() => Local(scene) == FarClient, Soon), "not the other path");
        return scene;
    }

    private static UdpAddress Local(Scene scene) => ((SimulatedPath)scene.Connection.CurrentPath).LocalAddress;
}
