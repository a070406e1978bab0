using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Rounds of probing: their numbers, and those that are asked for too early (docs/wire/punch.md section 4.3).</summary>
public sealed class PunchRoundTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Dead = new() { IsCut = true };

    [Theory]
    [InlineData((1UL << 62) - 1)]
    [InlineData((1UL << 61) + 1)]
    public void A_round_beyond_the_limit_changes_nothing(ulong round)
    {
        Scene scene = Punching(1);
        ulong before = scene.Connection.Puncher().Round;
        scene.Say(fromClient: false, Punch(round));
        scene.Network.RunFor(TimeSpan.FromSeconds(65));
        scene.Check(scene.Connection.IsOpen, "closed");
        Assert.InRange(scene.Connection.Puncher().Round, before + 1, before + 4);
    }

    [Fact]
    public void From_the_highest_round_on_the_rounds_go_on()
    {
        const ulong Highest = 1UL << 61;
        Scene scene = Punching(2);
        scene.Say(fromClient: false, Punch(Highest));
        scene.Network.RunFor(TimeSpan.FromSeconds(65));
        scene.Check(scene.Connection.IsOpen && scene.HostConnection.IsOpen, "closed");
        Assert.InRange(scene.Connection.Puncher().Round, Highest + 1, Highest + 4);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(2000)]
    [InlineData(4900)]
    public void A_request_that_comes_too_early_takes_effect_when_it_may(int milliseconds)
    {
        // The host's first round begins with the client's candidate, later than the client's own: the request is early there.
        Scene scene = Scene.Connected(3, Relay);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        scene.HostConnection.AddLocalCandidate(new Candidate(Scene.HostDirect, CandidateKind.Host));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(milliseconds));
        scene.Connection.AddLocalCandidate(new Candidate(Scene.ClientDirect, CandidateKind.Host));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(1ul, scene.HostConnection.Puncher().Round);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.Puncher().Round == 2, TimeSpan.FromSeconds(5)), "no second round");
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.Puncher().Round == 2, TimeSpan.FromSeconds(5.1)), "the host does not follow");
    }

    [Fact]
    public void Rounds_that_a_peer_asks_for_without_end_cost_one_round_in_five_seconds()
    {
        Scene scene = Punching(4);
        int probes = 0;
        scene.Network.Watch = (target, _) => probes += target == Scene.HostDirect ? 1 : 0;
        for (ulong round = 10; round < 1010; round++)
        {
            scene.Say(fromClient: false, Punch(round));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(20));
        }
        scene.Check(scene.Connection.IsOpen, "closed");
        Assert.InRange(probes, 9, 5 * 9);
    }

    private static Scene Punching(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(Dead);
        scene.Network.RunFor(TimeSpan.FromSeconds(25.6));
        return scene;
    }

    private static byte[] Punch(ulong round)
    {
        var bytes = new byte[12];
        var writer = new WireWriter(bytes);
        new PunchFrame(round).Write(ref writer);
        return writer.Written.ToArray();
    }
}
