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

    private static bool Takes(QuicConnection connection, in ConnectionId id) =>
        connection.PeerIds().TryGetForOpeningProbes(out ConnectionId taken) && taken == id;
}
