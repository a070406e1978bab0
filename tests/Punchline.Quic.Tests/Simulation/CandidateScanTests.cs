using Punchline.Quic.Paths;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A friend who tells candidates and withdraws them again has us look around nowhere (docs/wire/punch.md section 7).</summary>
public sealed class CandidateScanTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(10) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(3) };

    private readonly HashSet<UdpAddress> _targets = [];
    private int _probes;

    [Fact]
    public void Private_addresses_told_one_after_the_other_are_probed_up_to_the_limit()
    {
        Scene scene = Watched(1, network: 10);
        for (int i = 0; i < 50; i++)
        {
            scene.Say(fromClient: true, Tell(1000 + i, Address(10, i)));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(30));
            scene.Say(fromClient: true, Withdraw(1000 + i));
            scene.Network.RunFor(TimeSpan.FromSeconds(2));
        }
        scene.Check(scene.HostConnection.IsOpen, "closed");
        Assert.Equal(CandidateRules.MaxPrivateOffLinkEver, _targets.Count);
        Assert.Equal(1, scene.HostConnection.Paths().Count);
    }

    [Fact]
    public void Two_private_addresses_live_at_once_are_probed()
    {
        Scene scene = Watched(2, network: 10);
        for (int i = 0; i < 4; i++)
            scene.Say(fromClient: true, Tell(1000 + i, Address(10, i)));
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(CandidateRules.MaxPrivateOffLink, _targets.Count);
    }

    [Fact]
    public void One_that_a_router_maps_has_a_place_beside_them_but_not_in_the_sum()
    {
        Scene scene = Watched(8, network: 10);
        for (int i = 0; i < 4; i++)
            scene.Say(fromClient: true, Tell(1000 + i, Address(10, i)));
        for (int i = 0; i < 4; i++)
            scene.Say(fromClient: true, Tell(2000 + i, Address(10, 100 + i), CandidateKind.Mapped));
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(new HashSet<UdpAddress> { Address(10, 0), Address(10, 1), Address(10, 100) }, _targets);
        for (int i = 0; i < 4; i++)
        {
            scene.Say(fromClient: true, Withdraw(2000 + i));
            scene.Say(fromClient: true, Tell(3000 + i, Address(10, 200 + i), CandidateKind.Mapped));
            scene.Network.RunFor(TimeSpan.FromSeconds(2));
            scene.Say(fromClient: true, Withdraw(3000 + i));
        }
        Assert.Equal(CandidateRules.MaxPrivateOffLinkEver, _targets.Count);
    }

    [Fact]
    public void An_address_that_comes_again_is_no_further_one()
    {
        Scene scene = Watched(3, network: 10);
        for (int i = 0; i < 10; i++)
        {
            scene.Say(fromClient: true, Tell(1000 + i, Address(10, i % 2)));
            scene.Network.RunFor(TimeSpan.FromSeconds(2));
            scene.Say(fromClient: true, Withdraw(1000 + i));
        }
        scene.Say(fromClient: true, Tell(2000, Address(10, 7)));
        scene.Network.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(3, _targets.Count);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(198)]
    public void What_one_packet_tells_and_withdraws_is_not_probed(byte network)
    {
        Scene scene = Watched(4, network);
        scene.Say(fromClient: true, [.. Enumerable.Range(0, 30).SelectMany(i => (byte[])[.. Tell(1000 + i, Address(network, i)), .. Withdraw(1000 + i)])]);
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        scene.Check(scene.HostConnection.IsOpen, "closed");
        Assert.Empty(_targets);
        Assert.Equal(1, scene.HostConnection.Paths().Count);
    }

    [Fact]
    public void New_candidates_are_taken_at_a_bounded_pace()
    {
        Scene scene = Watched(5, network: 198);
        for (int i = 0; i < 200; i++)
        {
            scene.Say(fromClient: true, Tell(1000 + i, Address(198, i)));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(30));
            scene.Say(fromClient: true, Withdraw(1000 + i));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(20));
        }
        scene.Check(scene.HostConnection.IsOpen, "closed");
        // 200 in 10 seconds: the first sixteen, then one a second.
        Assert.InRange(_targets.Count, CandidateRules.Burst + 9, CandidateRules.Burst + 11);
        Assert.InRange(scene.HostApplication.Events.Count(e => e.Kind is QuicEventKind.CandidateReceived or QuicEventKind.CandidateGone), 1, 2 * _targets.Count);
    }

    [Fact]
    public void A_withdrawn_path_that_stood_is_probed_no_more_once_it_has_failed()
    {
        Scene scene = Scene.Connected(6, Relay);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.Connection.RemoveLocalCandidate(Scene.ClientDirect);
        scene.HostConnection.RemoveLocalCandidate(Scene.HostDirect);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, new LinkProfile { IsCut = true });
        scene.Check(scene.Network.RunUntil(() => !scene.IsDirect, TimeSpan.FromSeconds(30)), "still direct");
        scene.Network.RunFor(TimeSpan.FromSeconds(20));
        scene.Network.Watch = (target, _) => _probes += target == Scene.HostDirect || target == Scene.ClientDirect ? 1 : 0;
        scene.Network.RunFor(TimeSpan.FromSeconds(65));
        // To the host, which only followed the client, the path has not failed: once a round it asks whether it still stands.
        Assert.InRange(_probes, 0, 3);
    }

    [Fact]
    public void An_address_that_came_again_before_its_old_number_went_stays()
    {
        Scene scene = Watched(7, network: 198);
        scene.Say(fromClient: true, Tell(1000, Address(198, 1)));
        scene.Say(fromClient: true, Tell(1001, Address(198, 1)));
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Say(fromClient: true, Withdraw(1000));
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(2, scene.HostConnection.Paths().Count);
    }

    private Scene Watched(ulong seed, byte network)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.Host.AddAddress(Scene.HostDirect);
        scene.Network.Watch = (target, _) =>
        {
            if (!target.IsIPv4 || target.Port != 5000)
                return;
            Span<byte> bytes = stackalloc byte[4];
            target.WriteAddress(bytes);
            if (bytes[0] == network)
                _targets.Add(target);
        };
        return scene;
    }

    private static UdpAddress Address(byte network, int host) => UdpAddress.FromBytes([network, 51, (byte)(host >> 8), (byte)host], 0, 5000);

    private static byte[] Tell(int sequence, UdpAddress address, CandidateKind kind = CandidateKind.Host)
    {
        var writer = new WireWriter(new byte[40]);
        new CandidateFrame((ulong)sequence, new Candidate(address, kind)).Write(ref writer);
        return writer.Written.ToArray();
    }

    private static byte[] Withdraw(int sequence)
    {
        var writer = new WireWriter(new byte[40]);
        new CandidateGoneFrame((ulong)sequence).Write(ref writer);
        return writer.Written.ToArray();
    }
}
