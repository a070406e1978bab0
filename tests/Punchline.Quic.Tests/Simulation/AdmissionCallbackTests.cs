using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>The admission policy hears of each admitted connection's two ends exactly once, and of none that it did not admit.</summary>
public sealed class AdmissionCallbackTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public void Of_a_connection_that_lived()
    {
        var door = new Door(SimulatedIdentities.IdOf("client"));
        Scene scene = Scene.Connected(1, Link, admission: door);
        Assert.Equal(["admitted", "established"], door.Calls);
        scene.Connection.Close(scene.Network.Now, 0, "");
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.Equal(["admitted", "established", "ended"], door.Calls);
    }

    [Fact]
    public void Of_one_that_the_host_closed_and_then_dropped()
    {
        var door = new Door(SimulatedIdentities.IdOf("client"));
        Scene scene = Scene.Connected(2, Link, admission: door);
        QuicConnection connection = scene.HostConnection;
        connection.Close(scene.Network.Now, 0, "");
        connection.Close(scene.Network.Now, 1, "again");
        connection.Dispose();
        connection.Dispose();
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.Equal(["admitted", "established", "ended"], door.Calls);
    }

    [Fact]
    public void Of_one_whose_client_is_not_whom_the_door_expects()
    {
        var door = new Door(SimulatedIdentities.IdOf("somebody else"));
        var scene = new Scene(3, Link, admission: door);
        scene.Connect();
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.Equal(["admitted", "failed", "ended"], door.Calls);
    }

    [Fact]
    public void Of_one_whose_client_fell_silent_in_the_handshake()
    {
        var door = new Door(SimulatedIdentities.IdOf("client"));
        var scene = new Scene(4, Link, admission: door);
        int sent = 0;
        scene.Network.DropFilter = (from, _) => from == scene.Client && sent++ > 0;
        scene.Connect();
        scene.Network.RunFor(TimeSpan.FromSeconds(100));
        Assert.Equal(["admitted", "failed", "ended"], door.Calls);
    }

    [Fact]
    public void Never_of_a_connection_that_its_own_endpoint_opened()
    {
        var door = new Door(default);
        var network = new SimulatedNetwork(5);
        var peer = new SimulatedPeer(network, "client", 1, new QuicTransportOptions(), door, new TransferApplication(isClient: true));
        peer.AddAddress(Scene.ClientDirect);
        QuicConnection connection = peer.Connect(Scene.ClientDirect, Scene.HostDirect, SimulatedIdentities.IdOf("host"));
        network.RunFor(TimeSpan.FromSeconds(1));
        connection.Close(network.Now, 0, "");
        network.RunFor(TimeSpan.FromSeconds(30));
        Assert.True(connection.IsTerminated);
        Assert.Empty(door.Calls);
    }

    private sealed class Door(ReadOnlyMemory<byte> expected) : IAdmission
    {
        private readonly object _tag = new();

        internal List<string> Calls { get; } = [];

        public AdmissionVerdict Admit(in InitialFacts facts)
        {
            Calls.Add("admitted");
            return new AdmissionVerdict { Action = AdmissionAction.Accept, ExpectedPeerId = expected, Tag = _tag };
        }

        public void OnHandshakeEnded(object? tag, bool established)
        {
            Assert.Same(_tag, tag);
            Calls.Add(established ? "established" : "failed");
        }

        public void OnConnectionEnded(object? tag)
        {
            Assert.Same(_tag, tag);
            Calls.Add("ended");
        }
    }
}
