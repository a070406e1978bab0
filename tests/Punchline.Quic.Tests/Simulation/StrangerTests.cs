using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Retry, refusal, version negotiation and stateless reset: what an endpoint says outside of connections.</summary>
public sealed class StrangerTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(120);
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public void A_retry_costs_one_round_trip_and_proves_the_address()
    {
        var policy = new RetryOnce();
        var scene = new Scene(1, Link, admission: policy);
        Instant start = scene.Network.Now;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "no handshake");
        Assert.Equal(TimeSpan.FromMilliseconds(100), scene.Network.Now - start);
        Assert.Equal(1, policy.Retries);
        scene.ClientApplication.Start(scene.Connection, 1, 50_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "no transfer");
    }

    [Fact]
    public void A_refusal_reaches_the_client_with_its_reason()
    {
        var scene = new Scene(2, Link, admission: new Verdict(new AdmissionVerdict
        {
            Action = AdmissionAction.Refuse, RefusalCode = 0x3150_4311, RefusalReason = "this invite was revoked",
        }));
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.ClosedBy is not null, Long), "not refused");
        Assert.True(scene.ClientApplication.ClosedBy is { IsRemote: true, Code: 0x3150_4311, Reason: "this invite was revoked" },
            scene.ClientApplication.ClosedBy!.ToString());
    }

    [Theory]
    [InlineData(1200, true)]
    [InlineData(1199, false)]
    public void Another_version_is_answered_with_ours(int size, bool answered)
    {
        var scene = new Scene(7, Link, new QuicTransportOptions { SilentToStrangers = false });
        byte[]? answer = null;
        scene.Network.DropFilter = (from, datagram) =>
        {
            answer = from == scene.Host ? datagram.ToArray() : answer;
            return false;
        };
        // RFC 8999: a version that is not ours may have longer connection ids, and no fixed bit.
        byte[] destination = [.. Enumerable.Range(1, 30).Select(i => (byte)i)];
        byte[] source = [.. Enumerable.Range(101, 25).Select(i => (byte)i)];
        var datagram = new byte[size];
        byte[] header = [0x80, 0x6b, 0x33, 0x43, 0xcf, 30, .. destination, 25, .. source];
        header.CopyTo(datagram, 0);

        scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, datagram);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal(answered, answer is not null);
        if (answer is null)
            return;
        Assert.True(VersionNegotiationPacket.TryRead(answer, out VersionNegotiationPacket negotiation));
        Assert.Equal(source, negotiation.Destination.ToArray());
        Assert.Equal(destination, negotiation.Source.ToArray());
        Assert.True(negotiation.Contains(QuicVersion.Version1));
        Assert.False(negotiation.Contains(0x6b3343cf), "a version that is not spoken");
        Assert.Equal(FirstByte.FixedBit, answer[0] & FirstByte.FixedBit); // RFC 9000 section 17.2.1
    }

    [Fact]
    public void A_stranger_hears_nothing()
    {
        var scene = new Scene(3, Link, admission: new Verdict(new AdmissionVerdict { Action = AdmissionAction.Ignore }));
        int answers = 0;
        scene.Network.DropFilter = (from, _) =>
        {
            if (from == scene.Host)
                answers++;
            return false;
        };
        var random = new SeededRandomness(9);
        scene.Connect();
        for (int i = 0; i < 20_000; i++)
        {
            var datagram = new byte[random.NextInt(1500)];
            random.FillPublic(datagram);
            if (datagram.Length > 6 && i % 2 == 0)
                (datagram[0], datagram[1], datagram[2], datagram[3], datagram[4]) = ((byte)(0xc0 | (datagram[0] & 0x3f)), 0, 0, 0, (byte)(i % 3));
            scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, datagram);
            if (i % 100 == 0)
                scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        }
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(0, answers);
        Assert.Empty(scene.Host.Connections);
    }

    [Fact]
    public void A_restarted_host_resets_its_own_peers()
    {
        var scene = new Scene(4, Link);
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished && scene.ClientApplication.IsEstablished, Long), "no handshake");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Host.IsDead = true;
        scene.Host.RemoveAddress(Scene.HostRelay);
        var restarted = new SimulatedPeer(scene.Network, "host", 99, new QuicTransportOptions(), new AcceptAll(), new TransferApplication(isClient: false));
        restarted.AddAddress(Scene.HostRelay, relay: true);
        Instant start = scene.Network.Now;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.ClosedBy is not null, Long), "not reset");
        Assert.True(scene.Network.Now - start < TimeSpan.FromSeconds(6), "only by the idle timeout");
        Assert.Contains("stateless reset", scene.ClientApplication.ClosedBy!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_whose_key_is_not_the_sealed_one_is_turned_away()
    {
        var scene = new Scene(5, Link, admission: new AcceptAll(SimulatedIdentities.IdOf("somebody else")));
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.ClosedBy is not null, Long), "not turned away");
        Assert.False(scene.HostApplication.IsEstablished);
        Assert.InRange(scene.ClientApplication.ClosedBy!.Code, 0x100ul, 0x1fful);
    }

    [Fact]
    public void A_host_whose_key_is_not_the_invites_is_not_trusted()
    {
        var scene = new Scene(6, Link);
        scene.Client.Connect(Scene.ClientRelay, Scene.HostRelay, SimulatedIdentities.IdOf("another host"));
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.ClosedBy is not null, Long), "trusted");
        Assert.False(scene.ClientApplication.IsEstablished);
        Assert.False(scene.HostApplication.IsEstablished);
    }

    private sealed class Verdict(AdmissionVerdict verdict) : IAdmission
    {
        public AdmissionVerdict Admit(in InitialFacts facts) => verdict;

        public void OnHandshakeEnded(object? tag, bool established)
        {
        }

        public void OnConnectionEnded(object? tag)
        {
        }
    }

    private sealed class RetryOnce : IAdmission
    {
        private ConnectionId _original;

        internal int Retries { get; private set; }

        public AdmissionVerdict Admit(in InitialFacts facts)
        {
            if (facts.Token.SequenceEqual("come back"u8))
                return new AdmissionVerdict { Action = AdmissionAction.Accept, OriginalDestination = _original, AddressValidated = true };
            _original = facts.Destination;
            Retries++;
            return new AdmissionVerdict { Action = AdmissionAction.Retry, RetryToken = "come back"u8.ToArray() };
        }

        public void OnHandshakeEnded(object? tag, bool established)
        {
        }

        public void OnConnectionEnded(object? tag)
        {
        }
    }
}
