using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Data begins on the relay and moves to the direct path: nothing is lost or doubled, and nobody waits for the move.</summary>
public sealed class TakeoverTests
{
    private static readonly TimeSpan RelayDelay = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Jitter = TimeSpan.FromMilliseconds(2);
    private const long Rate = 1_000_000;
    private const int Queue = 64 * 1024;

    /// <summary>As it is under load: one way through a full queue, and back.</summary>
    private static readonly TimeSpan RoundTrip = (2 * (RelayDelay + Jitter)) + TimeSpan.FromSeconds((double)Queue / Rate);

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(120);

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 20).Select(static seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Delivery_never_stalls_for_longer_than_the_round_trip_of_the_path_that_is_left(ulong seed)
    {
        Scene scene = Transferring(seed, out Func<Instant> heardAt);
        Instant last = heardAt();
        TimeSpan longest = TimeSpan.Zero;
        scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(1 + (seed % 12)), Rate = 5_000_000 });
        // Until the move, and for five of the old path's round trips after it.
        Instant end = scene.Network.Now + (5 * 2 * RelayDelay);
        for (Instant? moved = null; scene.Network.Now < end || moved is null; scene.Network.RunFor(TimeSpan.FromMilliseconds(1)))
        {
            if (moved is null && scene.IsDirect)
                end = (moved = scene.Network.Now).Value + (5 * 2 * RelayDelay);
            if (heardAt() > last)
                last = heardAt();
            else if (scene.Network.Now - last > longest)
                longest = scene.Network.Now - last;
            scene.Check(scene.Network.Now < Instant.Zero + Long, "no direct path");
        }
        scene.Check(!scene.ClientApplication.IsDone, "the transfer ended before the move");
        Assert.InRange(longest, TimeSpan.Zero, RoundTrip);
        // The application checks each byte and its place.
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
    }

    [Fact]
    public void A_relayed_path_finds_its_own_largest_datagram_the_relays_header_counted()
    {
        var scene = new Scene(3, new LinkProfile { Delay = RelayDelay, MaxPayload = 1400 });
        int largest = 0;
        scene.Network.Watch = (_, length) => largest = Math.Max(largest, length);
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 1, 2_000_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
        // The whole of 1,472 less nine bytes is tried first; what passes is found to within 16 bytes.
        Assert.Equal(1472 - 9, largest);
        scene.Connection.TryGetPathStatistics(scene.Connection.CurrentPath, out PathStatistics path);
        Assert.InRange(path.MaxDatagramSize, 1400 - 16, 1400);
    }

    [Fact]
    public void A_relay_that_begins_to_carry_data_carries_what_has_waited()
    {
        var scene = new Scene(4, new LinkProfile { Delay = RelayDelay });
        scene.Client.RelaysCarryData = scene.Host.RelaysCarryData = false;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 50_000); // the first stream is the control stream
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(50_000, scene.HostApplication.BytesReceived);
        foreach (QuicConnection connection in new[] { scene.Connection, scene.HostConnection })
            ((SimulatedPath)connection.CurrentPath).RelayCarriesData = true;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
    }

    /// <summary>A transfer over the relay that has found its pace, and when the host last heard something new of it.</summary>
    private static Scene Transferring(ulong seed, out Func<Instant> heardAt)
    {
        // Jitter, as links have it; the rate of a limited relay.
        var relay = new LinkProfile { Delay = RelayDelay, Jitter = Jitter, Rate = Rate, Queue = Queue };
        Scene scene = Scene.Connected(seed, relay);
        scene.Network.Log.IsOn = false;
        scene.ClientApplication.Start(scene.Connection, 4, 1_500_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(2) + TimeSpan.FromMilliseconds(7 * seed));
        long bytes = -1;
        Instant at = scene.Network.Now;
        heardAt = () =>
        {
            if (scene.HostApplication.BytesReceived > bytes)
                (bytes, at) = (scene.HostApplication.BytesReceived, scene.Network.Now);
            return at;
        };
        return scene;
    }
}
