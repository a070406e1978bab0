using Punchline.Quic.Paths;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Late copies of NEW_CONNECTION_ID (RFC 9000 section 19.15).</summary>
public sealed class ConnectionIdTests
{
    [Fact]
    public void One_that_is_repeated_after_its_id_was_retired_changes_nothing()
    {
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        // A path takes number 1, the first that is free, and fails.
        PathState path = Inside.NoPath(scene.Connection);
        Assert.True(scene.Connection.PeerIds().TryGetFor(path, out ConnectionId id));
        var token = new byte[16];
        scene.HostConnection.IdTable().WriteResetToken(id, token);
        scene.Connection.PeerIds().Release(path);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        var frame = new byte[64];
        var writer = new WireWriter(frame);
        new NewConnectionIdFrame(1, 0, id, token).Write(ref writer);
        for (int i = 0; i < 3; i++)
        {
            scene.Say(fromClient: false, writer.Written);
            scene.Network.RunFor(TimeSpan.FromSeconds(1));
        }
        scene.Check(scene.Connection.IsOpen && scene.HostConnection.IsOpen, "closed");
        Assert.Equal(LocalConnectionIds.MaxActive - 1, scene.Connection.TakeFreeIds());
        Assert.False(Takes(scene.Connection, id));
    }

    [Fact]
    public void A_path_takes_its_id_when_it_is_chosen_and_not_with_its_first_packet()
    {
        // Paths of an attacker's making use up all ids, so the direct path validates with the probing id and waits for its own.
        Scene scene = Scene.Connected(2, new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) });
        scene.Connection.PeerIds().TryGetForOpeningProbes(out _);
        PathState attackers = Inside.NoPath(scene.Connection);
        Assert.True(scene.Connection.PeerIds().TryGetFor(attackers, out _));
        Assert.NotEqual(0, scene.Connection.TakeFreeIds());
        scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(5) });
        scene.Network.RunFor(TimeSpan.FromSeconds(3));
        Assert.Equal(PathKind.Relay, scene.Connection.CurrentPath.Kind);

        // One comes, the direct path is chosen, and at once another path takes whatever is free.
        scene.Client.Trace = new Thief();
        scene.Connection.PeerIds().Release(attackers);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "the host is not told of the move");
        scene.ClientApplication.Start(scene.Connection, 1, 100_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(10)), "nothing can be sent");
    }

    private sealed class Thief : ITrace
    {
        public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
        {
            if (traceEvent is { Kind: TraceKind.Path, Text: "current" })
                connection.TakeFreeIds();
        }
    }

    private static bool Takes(QuicConnection connection, in ConnectionId id) =>
        connection.PeerIds().TryGetForOpeningProbes(out ConnectionId taken) && taken == id;
}
