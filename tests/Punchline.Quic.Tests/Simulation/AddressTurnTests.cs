using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A side whose address changes again and again, as behind a NAT that ends mappings by their age: each path takes over from the one before.</summary>
public sealed class AddressTurnTests
{
    private const int Turns = 100;

    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(3) };
    private static readonly LinkProfile Dead = new() { IsCut = true };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_newest_address_is_the_one_in_use_however_many_there_were(bool ofHost)
    {
        Scene scene = Scene.Connected(1, Relay);
        scene.Network.Log.IsOn = false;
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "no direct path");
        (SimulatedPeer turning, QuicConnection connection, QuicConnection other) = ofHost
            ? (scene.Host, scene.HostConnection, scene.Connection) : (scene.Client, scene.Connection, scene.HostConnection);
        (UdpAddress old, UdpAddress stays) = ofHost ? (Scene.HostDirect, Scene.ClientDirect) : (Scene.ClientDirect, Scene.HostDirect);
        for (int turn = 0; turn < Turns; turn++)
        {
            UdpAddress fresh = old.WithPort((ushort)(51_000 + turn));
            scene.Network.SetBoth(stays, fresh, Direct);
            turning.AddAddress(fresh);
            if (!ofHost)
                scene.ClientApplication.LocalFor = _ => [fresh];
            connection.AddLocalCandidate(new Candidate(fresh, CandidateKind.ServerReflexive));
            connection.RemoveLocalCandidate(old);
            connection.LeavePath(scene.Network.Now, connection.CurrentPath);
            scene.Network.RunFor(TimeSpan.FromSeconds(5));
            scene.Network.SetBoth(stays, old, Dead);
            scene.Network.RunFor(TimeSpan.FromSeconds(25));
            scene.Check(scene.IsDirect && other.CurrentPath.RemoteAddress == fresh, $"not at the new address after {turn + 1} turns, but {other.CurrentPath}");
            old = fresh;
        }
    }

    [Fact]
    public void An_address_that_is_told_again_after_it_was_withdrawn_is_probed_again()
    {
        Scene scene = Scene.Connected(2, Relay);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "no direct path");
        // As when a server is away for a moment, which had told the addresses.
        scene.Connection.RemoveLocalCandidate(Scene.ClientDirect);
        scene.HostConnection.RemoveLocalCandidate(Scene.HostDirect);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Connection.AddLocalCandidate(new Candidate(Scene.ClientDirect, CandidateKind.ServerReflexive));
        scene.HostConnection.AddLocalCandidate(new Candidate(Scene.HostDirect, CandidateKind.ServerReflexive));
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Network.RunFor(TimeSpan.FromSeconds(60));
        scene.Check(!scene.IsDirect, "direct over a dead link");
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, PathTrust.FirstPause + TimeSpan.FromSeconds(30)), "never probed again");
    }
}
