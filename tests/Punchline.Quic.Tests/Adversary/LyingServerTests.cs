using System.Net;
using System.Security.Cryptography;
using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// The server between two honest peers is the attacker: it names addresses that are not theirs, hands packets to others than
/// they are for, and keeps packets to use them again. It has no keys, and gets nothing but the power to be silent.
/// </summary>
public sealed class LyingServerTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };

    private static readonly UdpAddress Elsewhere = UdpAddress.FromBytes([198, 18, 1, 9], 0, 40_009);

    [Theory]
    [InlineData("127.0.0.1", 5000)]
    [InlineData("224.0.0.1", 5000)]
    [InlineData("169.254.7.7", 5000)]
    [InlineData("255.255.255.255", 5000)]
    [InlineData("0.0.0.0", 5000)]
    [InlineData("240.1.2.3", 5000)]
    [InlineData("198.51.100.9", 53)]
    [InlineData("::1", 5000)]
    [InlineData("fe80::9", 5000)]
    [InlineData("ff02::1", 5000)]
    [InlineData("198.18.1.1", 40_001)] // the peers' own
    [InlineData("198.18.1.2", 40_002)]
    public void An_address_that_nobody_may_probe_told_to_both_as_their_own_gets_nothing(string address, int port)
    {
        Scene scene = Scene.Connected(1, Link);
        var ledger = new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay, Scene.ClientDirect, Scene.HostDirect);
        var lie = new Candidate(new UdpAddress(IPAddress.Parse(address), port), CandidateKind.ServerReflexive);
        scene.Connection.AddLocalCandidate(lie);
        scene.HostConnection.AddLocalCandidate(lie);
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        scene.Network.RunFor(TimeSpan.FromSeconds(60));
        Assert.Empty(ledger.Strangers);
        // Nor does anybody speak to an address of their own.
        Assert.Equal(0, ledger.Of(Scene.ClientDirect, Scene.ClientRelay).PacketsOut);
        Assert.Equal(0, ledger.Of(Scene.HostDirect, Scene.HostRelay).PacketsOut);
        Transfers(scene);
    }

    [Fact]
    public void A_victims_address_told_to_both_as_their_own_gets_probes_and_no_more()
    {
        Scene scene = Scene.Connected(2, Link);
        var ledger = new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay);
        UdpAddress[] victims = [.. Enumerable.Range(0, 16).Select(i => UdpAddress.FromBytes([203, 0, 113, 7], 0, (ushort)(4000 + i)))];
        ledger.Candidates.UnionWith(victims);
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        foreach (UdpAddress victim in victims)
        {
            scene.Connection.AddLocalCandidate(new Candidate(victim, CandidateKind.ServerReflexive));
            scene.HostConnection.AddLocalCandidate(new Candidate(victim, CandidateKind.ServerReflexive));
        }
        scene.Network.RunFor(TimeSpan.FromMinutes(3));
        int probes = ledger.Strangers.Sum(entry => entry.Account.PacketsOut);
        // Two eager rounds, then one in thirty seconds, from both sides.
        Assert.InRange(probes, 2 * 16 * 9, 2 * 16 * 9 * 9);
        Transfers(scene);
    }

    [Fact]
    public void Another_host_in_the_place_of_the_one_that_is_meant_is_not_spoken_to()
    {
        var scene = new Scene(3, Link);
        var other = new SimulatedPeer(scene.Network, "another host", 77, new QuicTransportOptions(), new AcceptAll(), new TransferApplication(isClient: false));
        other.AddAddress(Elsewhere, relay: true);
        // All that is for the host goes to the other one, and back in the host's name.
        scene.Network.OnTheWay = (from, to, datagram) =>
        {
            (UdpAddress source, UdpAddress target) = from == Elsewhere ? (Scene.HostRelay, to) : (from, Elsewhere);
            scene.Network.Inject(source, target, datagram.Span, TimeSpan.FromMilliseconds(20));
            return true;
        };
        scene.Connect();
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.False(scene.ClientApplication.IsEstablished);
        Assert.InRange(scene.ClientApplication.ClosedBy!.Code, 0x100ul, 0x1fful);
        Assert.False(((TransferApplication)other.Application).IsEstablished);
    }

    [Fact]
    public void Packets_for_one_client_handed_to_another_do_no_harm()
    {
        var scene = new Scene(4, Link, admission: new AcceptAll());
        var second = new SimulatedPeer(scene.Network, "second", 78, new QuicTransportOptions(), null, new TransferApplication(isClient: true));
        second.AddAddress(Elsewhere, relay: true);
        scene.Connect();
        QuicConnection other = second.Connect(Elsewhere, Scene.HostRelay, SimulatedIdentities.IdOf("host"));
        var application = (TransferApplication)second.Application;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && application.IsEstablished, TimeSpan.FromSeconds(10)), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 200_000);
        application.Start(other, 2, 200_000);
        // For fifteen seconds each gets what is the other's, in both directions.
        scene.Network.OnTheWay = (from, to, datagram) =>
        {
            UdpAddress target = to == Elsewhere ? Scene.ClientRelay : to == Scene.ClientRelay ? Elsewhere : to;
            UdpAddress source = from == Elsewhere ? Scene.ClientRelay : from == Scene.ClientRelay ? Elsewhere : from;
            scene.Network.Inject(source, target, datagram.Span, TimeSpan.FromMilliseconds(20));
            return true;
        };
        scene.Network.RunFor(TimeSpan.FromSeconds(15));
        scene.Network.OnTheWay = null;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone && application.IsDone, TimeSpan.FromMinutes(1)), "not done");
        Assert.Null(application.Fault);
        scene.Check(scene.Connection.IsOpen && other.IsOpen, "ended");
    }

    [Fact]
    public void Challenges_passed_on_to_somebody_else_who_sends_them_back_prove_nothing()
    {
        // Every datagram goes to a third party as well, who sends it back to where it came from, in its own name.
        Scene scene = Scene.Connected(5, Link);
        var ledger = new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay)
        {
            Attack = (from, to, datagram) =>
            {
                scene.Network.Inject(Elsewhere, from, datagram.Span, TimeSpan.FromMilliseconds(5));
                return to == Elsewhere;
            },
        };
        scene.ClientApplication.Start(scene.Connection, 2, 200_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(20));
        Assert.Empty(ledger.Strangers);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromMinutes(1)), "not done");
    }

    [Fact]
    public void A_clients_first_packets_used_again_open_nothing_and_leave_nothing_behind()
    {
        var scene = new Scene(6, Link);
        List<byte[]> kept = [];
        var ledger = new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay)
        {
            Attack = (from, _, datagram) =>
            {
                if (from == Scene.ClientRelay && kept.Count < 8)
                    kept.Add(datagram.ToArray());
                return false;
            },
        };
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, TimeSpan.FromSeconds(10)), "no handshake");
        QuicConnection standing = scene.HostConnection;
        // Beside the connection that they began they mean nothing.
        RepeatFromManyAddresses(scene, kept);
        Assert.Empty(ledger.Strangers);
        Assert.Equal(standing, Assert.Single(scene.Host.Connections));
        Transfers(scene);

        // Once it has gone they begin handshakes: the ledger bounds what the host answers, and each attempt ends by itself.
        scene.Connection.Close(scene.Network.Now, 0, "");
        scene.Check(scene.Network.RunUntil(() => scene.Host.Connections.Count == 0, TimeSpan.FromSeconds(10)), "no end");
        RepeatFromManyAddresses(scene, kept);
        Assert.NotEmpty(ledger.Strangers);
        scene.Network.RunFor(TimeSpan.FromSeconds(40));
        Assert.Empty(scene.Host.Connections);
        Assert.Single(scene.HostApplication.Events, quicEvent => quicEvent.Kind == QuicEventKind.Established);
    }

    /// <summary>Datagrams again and again for forty seconds, in the name of fifty addresses.</summary>
    private static void RepeatFromManyAddresses(Scene scene, List<byte[]> datagrams)
    {
        for (int i = 0; i < 200; i++)
        {
            foreach (byte[] datagram in datagrams)
                scene.Network.Inject(UdpAddress.FromBytes([203, 0, 113, (byte)(1 + (i % 50))], 0, 5000), Scene.HostRelay, datagram, TimeSpan.FromMilliseconds(1));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(200));
        }
    }

    /// <summary>RFC 9000 section 21.11: who shares a reset key with somebody else answers for the other's connections.</summary>
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void Packets_handed_to_another_endpoint_make_it_say_a_reset_token_only_if_it_has_the_same_key(bool sameKey, int resets)
    {
        Scene scene = Scene.Connected(7, Link);
        byte[]? packet = null;
        scene.Network.OnTheWay = (from, _, datagram) =>
        {
            if (from == Scene.ClientRelay && datagram.Length > 60)
                packet ??= datagram.ToArray();
            return false;
        };
        scene.Connection.TrySendDatagram(new byte[100]);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(10));
        QuicEndpointOptions options = new()
        {
            Signer = scene.Host.Signer,
            Randomness = new SeededRandomness(1),
            KeyExchanges = [new P256KeyExchange(new SeededRandomness(1))],
            ResetKey = SHA256.HashData(sameKey ? "host"u8 : "another"u8),
            Network = scene.Host,
        };
        var another = new QuicEndpoint(options);
        another.Receive(scene.Network.Now, new SimulatedPath(PathKind.Direct, Elsewhere, Scene.ClientRelay), EcnCodepoint.NotEct, packet!);
        int said = 0;
        var buffer = new byte[1500];
        while (another.TryTransmit(buffer, out Transmit transmit))
        {
            said++;
            scene.Network.OnTheWay = null;
            scene.Network.Inject(Scene.HostRelay, Scene.ClientRelay, buffer.AsSpan(0, transmit.Length), TimeSpan.FromMilliseconds(1));
        }
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(resets, said);
        Assert.Equal(sameKey, scene.ClientApplication.ClosedBy is not null);
    }

    private static void Transfers(Scene scene)
    {
        scene.ClientApplication.Start(scene.Connection, 1, 50_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(30)), "no transfer");
        scene.Check(scene.Connection.IsOpen, "closed");
    }
}
