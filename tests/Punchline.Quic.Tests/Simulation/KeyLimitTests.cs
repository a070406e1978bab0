using Punchline.Quic.Crypto;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Keys that have sealed as much as they may, in the middle of traffic (RFC 9001 section 6.6).</summary>
public sealed class KeyLimitTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5), Loss = 0.02 };

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Keys_are_updated_many_times_in_one_transfer(bool client, bool host)
    {
        Scene scene = Scene.Connected(1, Link);
        var limits = new AeadLimits(1000, 50, 900, 1000);
        if (client)
            scene.Connection.Keys()!.Limits() = limits;
        if (host)
            scene.HostConnection.Keys()!.Limits() = limits;
        int updates = 0;
        bool phase = scene.Connection.Keys()!.KeyPhase;
        scene.ClientApplication.Start(scene.Connection, 3, 1_000_000);
        bool done = scene.Network.RunUntil(
            () =>
            {
                if (scene.Connection.IsOpen && scene.Connection.Keys()!.KeyPhase != phase)
                    (phase, updates) = (!phase, updates + 1);
                return scene.ClientApplication.IsDone;
            },
            TimeSpan.FromSeconds(120));
        scene.Check(done, "the transfer does not end");
        Assert.True(updates >= 10, $"only {updates} updates");
    }

    [Fact]
    public void A_side_that_only_acknowledges_updates_its_keys_too()
    {
        Scene scene = Scene.Connected(2, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        scene.HostConnection.Keys()!.Limits() = new AeadLimits(600, 100, 500, 1000);
        bool phase = scene.HostConnection.Keys()!.KeyPhase;
        int updates = 0;
        for (int i = 0; i < 4000; i++)
        {
            Send(scene);
            if (scene.HostConnection.Keys()!.KeyPhase != phase)
                (phase, updates) = (!phase, updates + 1);
        }
        scene.Check(scene.HostConnection.IsOpen, "closed");
        Assert.True(updates >= 4, $"only {updates} updates");
    }

    [Fact]
    public void A_peer_that_prevents_the_update_ends_the_connection_before_the_limit()
    {
        Scene scene = Scene.Connected(3, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        OneRttKeys keys = scene.HostConnection.Keys()!;
        keys.Limits() = new AeadLimits(1000, 100, 500, 1000);
        // As if the peer acknowledged nothing of this phase for ever: no update may begin (RFC 9001 section 6.1).
        keys.IsAcknowledged() = false;
        keys.LowestSealed() = ulong.MaxValue;
        for (int i = 0; i < 3000 && scene.HostConnection.IsOpen; i++)
            Send(scene);
        scene.Check(scene.HostApplication.ClosedBy is { Code: (ulong)TransportErrorCode.AeadLimitReached }, "not closed for its limit");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.Check(scene.ClientApplication.ClosedBy is { IsRemote: true, Code: (ulong)TransportErrorCode.AeadLimitReached }, "the close is not heard");
    }

    private static void Send(Scene scene)
    {
        scene.Connection.TrySendDatagram(new byte[200]);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        Span<byte> buffer = stackalloc byte[1500];
        while (scene.HostConnection.TryReadDatagram(buffer, out _))
        {
        }
    }
}
