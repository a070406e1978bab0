using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>What the simulated network does beside NATs: bursts, relays, hairpins, and peers that sleep, jump and restart.</summary>
public sealed class NetworkTests
{
    private static readonly UdpAddress One = Address(198, 18, 0, 1, 4_000);
    private static readonly UdpAddress Other = Address(198, 18, 0, 2, 4_000);

    private sealed class Nothing : ISimulatedApplication
    {
        public void OnEvent(SimulatedPeer peer, QuicConnection connection, in QuicEvent quicEvent)
        {
        }
    }

    /// <summary>The share of loss is that of the bad times, and it comes in runs.</summary>
    [Fact]
    public void Bursts_lose_in_runs()
    {
        (SimulatedNetwork network, SimulatedPeer one, SimulatedPeer other) = Two();
        var received = new List<int>();
        var burst = new BurstLoss { Good = TimeSpan.FromMilliseconds(90), Bad = TimeSpan.FromMilliseconds(10) };
        network.SetLink(One, Other, new LinkProfile { Burst = burst });
        const int count = 20_000;
        int runs = 0;
        bool wasLost = false;
        for (int i = 0; i < count; i++)
        {
            long before = network.Lost;
            network.Send(one, One, Other, [1, 2, 3]);
            bool isLost = network.Lost > before;
            runs += isLost && !wasLost ? 1 : 0;
            wasLost = isLost;
            network.RunFor(TimeSpan.FromMilliseconds(1));
        }
        Assert.InRange(network.Lost / (double)count, 0.07, 0.13); // a tenth of the time is bad
        Assert.InRange(network.Lost / (double)runs, 7, 13);       // ten milliseconds are ten datagrams
        Assert.Equal(count, network.Sent);
        Assert.Empty(received);
        Assert.Empty(other.Connections);
    }

    [Fact]
    public void A_relay_forwards_to_where_a_peer_was_seen_last_and_no_faster_than_its_rate()
    {
        var network = new SimulatedNetwork(1);
        var relay = new SimulatedRelay(Address(203, 0, 113, 9, 1), Address(203, 0, 113, 9, 2), rate: 10_000, queue: 5_000);
        network.Add(relay);
        SimulatedPeer one = Peer(network, "one", One);
        SimulatedPeer other = Peer(network, "other", Other);
        network.Send(one, One, relay.One, new byte[100]);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(One, relay.SeenAt(relay.One));
        Assert.Equal(1, network.Lost); // Nobody is there yet.
        network.Send(other, Other, relay.Other, []);
        network.RunFor(TimeSpan.FromSeconds(1));
        for (int i = 0; i < 10; i++)
            network.Send(one, One, relay.One, new byte[1_000]);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1 + 4, network.Lost); // One on its way and five that wait.
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_behind_a_nat_reach_each_other_outside_only_if_it_hairpins(bool hairpins)
    {
        var network = new SimulatedNetwork(1);
        var nat = new NatBox(Address(198, 51, 100, 1, 0), new NatBehavior { Hairpins = hairpins }, new SeededRandomness(1));
        UdpAddress inOne = Address(10, 0, 0, 1, 4_000);
        UdpAddress inOther = Address(10, 0, 0, 2, 4_001);
        SimulatedPeer one = Peer(network, "one", inOne);
        SimulatedPeer other = Peer(network, "other", inOther);
        network.Place(inOne, nat);
        network.Place(inOther, nat);
        UdpAddress outside = Address(203, 0, 113, 9, 1);
        network.Send(other, inOther, outside, [1]);
        network.Send(one, inOne, nat.Outside.WithPort(4_001), [1]);
        network.Send(one, inOne, inOther, [1]); // The way inside is always open.
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(hairpins ? 0 : 1, network.Lost);
        SimulatedPeer far = Peer(network, "far", outside);
        network.Send(far, outside, inOther, [1]); // From outside, an inside address is none.
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(hairpins ? 1 : 2, network.Lost);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_sleeps_reads_everything_when_it_wakes(bool clockStops)
    {
        (SimulatedNetwork network, SimulatedPeer one, SimulatedPeer other) = Two();
        QuicConnection connection = one.Connect(One, Other, SimulatedIdentities.IdOf("other"));
        Assert.True(network.RunUntil(() => connection.IsEstablished, TimeSpan.FromSeconds(1)));
        network.RunFor(TimeSpan.FromSeconds(1));
        bool isWoken = false;
        other.OnWoken = () => isWoken = true;
        Instant before = other.Now;
        ulong received = other.Connections[0].Statistics.PacketsReceived;
        other.Sleep(TimeSpan.FromSeconds(10), clockStops);
        network.RunFor(TimeSpan.FromSeconds(9));
        Assert.True(other.IsAsleep);
        Assert.Equal(received, other.Connections[0].Statistics.PacketsReceived);
        network.RunFor(TimeSpan.FromSeconds(2));
        Assert.True(isWoken);
        Assert.True(other.Connections[0].Statistics.PacketsReceived > received);
        Assert.Equal(TimeSpan.FromSeconds(clockStops ? 1 : 11), other.Now - before);
    }

    [Fact]
    public void A_clock_that_jumps_ends_what_has_been_silent_for_so_long()
    {
        (SimulatedNetwork network, SimulatedPeer one, SimulatedPeer _) = Two();
        QuicConnection connection = one.Connect(One, Other, SimulatedIdentities.IdOf("other"));
        network.RunFor(TimeSpan.FromSeconds(2));
        one.JumpClock(TimeSpan.FromSeconds(61));
        network.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.False(connection.IsOpen);
    }

    /// <summary>The peer has the same key for reset tokens, so that its old connection is told at once.</summary>
    [Fact]
    public void Who_restarts_knows_no_connection_and_resets_the_old_one()
    {
        (SimulatedNetwork network, SimulatedPeer one, SimulatedPeer other) = Two();
        QuicConnection connection = one.Connect(One, Other, SimulatedIdentities.IdOf("other"));
        network.RunFor(TimeSpan.FromSeconds(2));
        Assert.True(connection.IsOpen);
        other.Restart();
        Assert.Empty(other.Connections);
        network.RunFor(TimeSpan.FromSeconds(6)); // until the next keep-alive
        Assert.False(connection.IsOpen);
        Assert.Contains("stateless reset", connection.CloseError!.Reason, StringComparison.Ordinal);
    }

    private static (SimulatedNetwork Network, SimulatedPeer One, SimulatedPeer Other) Two()
    {
        var network = new SimulatedNetwork(1);
        SimulatedPeer one = Peer(network, "one", One);
        return (network, one, Peer(network, "other", Other));
    }

    private static SimulatedPeer Peer(SimulatedNetwork network, string name, UdpAddress address)
    {
        var peer = new SimulatedPeer(network, name, address.Port, new QuicTransportOptions(), new AcceptAll(), new Nothing());
        peer.AddAddress(address);
        return peer;
    }

    private static UdpAddress Address(byte a, byte b, byte c, byte d, ushort port) => UdpAddress.FromBytes([a, b, c, d], 0, port);
}
