using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Opening probes on ways that the connection does not keep: to ports that were foretold or guessed (docs/wire/punch.md section 5.4).</summary>
public sealed class StrayProbeTests
{
    private const ushort FirstPort = 1024;

    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly NatBehavior Counting = new()
    {
        Mapping = NatDependence.AddressAndPort, Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Sequential,
    };

    private static readonly UdpAddress ClientOutside = UdpAddress.FromBytes([203, 0, 113, 1], 0, FirstPort);
    private static readonly UdpAddress HostOutside = UdpAddress.FromBytes([203, 0, 113, 2], 0, FirstPort);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Probes_that_meet_make_the_path_known_and_data_moves_to_it(ulong seed)
    {
        Scene scene = BehindNats(seed);
        Assert.True(Probe(scene, scene.Client, HostOutside) <= 100);
        Assert.True(Probe(scene, scene.Host, ClientOutside) <= 100);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        // The first met a NAT that was still closed; the second opens the way.
        Probe(scene, scene.Client, HostOutside);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(2)), "no direct path");
        Assert.Equal(HostOutside, scene.Connection.CurrentPath.RemoteAddress);
    }

    [Fact]
    public void A_thousand_that_come_to_nothing_leave_no_path_and_cost_the_connection_nothing()
    {
        Scene scene = BehindNats(3);
        int paths = scene.Connection.Paths().Count;
        long window = scene.Connection.Paths().Current.Recovery.Congestion.Window;
        for (int i = 0; i < 1_000; i++)
        {
            Probe(scene, scene.Client, HostOutside.WithPort((ushort)(20_000 + i)));
            if (i % 4 == 3)
                scene.Network.RunFor(TimeSpan.FromMilliseconds(20));
        }
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(paths, scene.Connection.Paths().Count);
        Assert.True(scene.Connection.Paths().Current.Recovery.Congestion.Window >= window);
        Assert.Equal(PathKind.Relay, scene.Connection.CurrentPath.Kind);
        // The connection goes on: the host's acknowledgements pass over what it never saw.
        Probe(scene, scene.Client, HostOutside);
        Probe(scene, scene.Host, ClientOutside.WithPort(FirstPort + 1_000));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Probe(scene, scene.Client, HostOutside);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(2)), "no direct path");
    }

    [Fact]
    public void There_is_none_before_the_handshake_is_confirmed_and_none_after_the_end()
    {
        var scene = new Scene(4, Relay);
        QuicConnection connection = scene.Connect();
        NetworkPath path = scene.Client.PathTo(Scene.ClientDirect, HostOutside);
        byte[] buffer = new byte[200];
        Assert.False(connection.TryWriteProbe(scene.Network.Now, path, buffer, out _));
        scene.Check(scene.Network.RunUntil(() => connection.IsEstablished && scene.Host.Connections.Count > 0, TimeSpan.FromSeconds(5)), "no handshake");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(connection.TryWriteProbe(scene.Network.Now, path, buffer, out int length));
        Assert.InRange(length, 1, 100);
        // A way through a server is no way to guess ports.
        Assert.False(connection.TryWriteProbe(scene.Network.Now, connection.CurrentPath, buffer, out _));
        connection.Close(scene.Network.Now, 0, "");
        Assert.False(connection.TryWriteProbe(scene.Network.Now, path, buffer, out _));
    }

    private static Scene BehindNats(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.Network.Place(Scene.ClientDirect, new NatBox(ClientOutside, Counting, new SeededRandomness(seed)));
        scene.Network.Place(Scene.HostDirect, new NatBox(HostOutside, Counting, new SeededRandomness(seed)));
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        return scene;
    }

    private static int Probe(Scene scene, SimulatedPeer peer, UdpAddress remote)
    {
        UdpAddress local = peer == scene.Client ? Scene.ClientDirect : Scene.HostDirect;
        QuicConnection connection = peer == scene.Client ? scene.Connection : scene.HostConnection;
        byte[] buffer = new byte[200];
        Assert.True(connection.TryWriteProbe(scene.Network.Now, peer.PathTo(local, remote), buffer, out int length));
        scene.Network.Send(peer, local, remote, buffer.AsSpan(0, length));
        return length;
    }
}
