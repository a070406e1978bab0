using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Which keys serve when, and what may come under them (RFC 9001 sections 4 and 5).</summary>
public sealed class ProtectionTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(40) };

    [Fact]
    public void Initial_packets_end_with_the_first_Handshake_packet_and_fill_their_datagrams() // sections 4.9.1 and 9.3
    {
        var scene = new Scene(1, Link);
        bool clientUsedHandshake = false;
        bool hostHeardHandshake = false;
        int initials = 0;
        scene.Network.DropFilter = (from, datagram) =>
        {
            bool initial = Types(datagram.Span).Contains(PacketType.Initial);
            bool handshake = Types(datagram.Span).Contains(PacketType.Handshake);
            if (initial)
            {
                initials++;
                Assert.False(from == scene.Client ? clientUsedHandshake : hostHeardHandshake, "an Initial packet after a Handshake packet");
                Assert.InRange(datagram.Length, 1200, 1500);
            }
            clientUsedHandshake |= from == scene.Client && handshake;
            hostHeardHandshake |= scene.Host.Connections.Count > 0 && scene.HostConnection.IsEstablished;
            return false;
        };
        scene.Connect();
        Establish(scene);
        Assert.InRange(initials, 2, 4);
        Assert.True(clientUsedHandshake && hostHeardHandshake);
    }

    [Fact]
    public void Handshake_keys_go_when_the_handshake_is_confirmed() // section 4.9.2
    {
        var scene = new Scene(2, Link);
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, Long), "no handshake");
        PacketSpace clients = scene.Connection.Spaces()[(int)PacketNumberSpace.Handshake];
        Assert.False(clients.IsDiscarded, "confirmed without HANDSHAKE_DONE");
        Establish(scene);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.True(clients is { IsDiscarded: true, ReadKeys: null, WriteKeys: null });
        Assert.True(scene.HostConnection.Spaces()[(int)PacketNumberSpace.Handshake] is { IsDiscarded: true, ReadKeys: null, WriteKeys: null });
    }

    [Fact]
    public void The_host_opens_no_application_packet_before_the_handshake_is_complete() // section 5.7
    {
        var scene = new Scene(3, Link);
        scene.Connect();
        int applicationPackets = 0;
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from != scene.Client || scene.Host.Connections.Count == 0)
                return false;
            if (Types(datagram.Span).Any(t => t != PacketType.OneRtt))
                return true;
            applicationPackets++;
            return false;
        };
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 1, 1000);
        scene.Network.RunFor(TimeSpan.FromSeconds(2));
        Assert.True(applicationPackets > 0, "the client said nothing");
        PacketSpace space = scene.HostConnection.Spaces()[(int)PacketNumberSpace.Application];
        Assert.Null(space.Received.Largest);
        Assert.Equal(0ul, space.NextNumber);
        Assert.False(scene.HostConnection.IsEstablished);

        scene.Network.DropFilter = null;
        Establish(scene);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "no transfer");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Handshake_data_of_a_level_that_is_done_ends_the_connection(int gap) // section 4.1.3
    {
        var scene = new Scene(4, Link);
        ConnectionId source = default;
        scene.Network.DropFilter = (from, datagram) =>
        {
            // The client falls silent once the host has its ClientHello: its Initial keys stay.
            if (from != scene.Client)
                return false;
            Assert.True(PacketHeader.TryRead(datagram.Span, ConnectionIdFactory.Length, out PacketHeader header));
            source = header.Type == PacketType.Initial ? header.Source : source;
            return scene.Host.Connections.Count > 0;
        };
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.Host.Connections.Count > 0, Long), "the host hears nothing");
        scene.Network.DropFilter = null;
        scene.Client.IsDead = true;
        SayInitial(scene, source, number: 1000, CryptoFrameBehind(scene, gap));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, scene.HostApplication.ClosedBy?.Code);
    }

    [Fact]
    public void Handshake_data_that_comes_again_is_ignored() // section 4.1.3
    {
        var scene = new Scene(5, Link);
        List<byte[]> copies = [];
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Client && copies.Count < 3)
                copies.Add(datagram.ToArray());
            return false;
        };
        scene.Connect();
        for (int i = 0; i < 300; i++)
        {
            foreach (byte[] copy in copies.ToArray())
                scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, copy);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        }
        Establish(scene);
    }

    [Fact]
    public void Forged_packets_count_from_the_first_on() // section 6.6
    {
        var scene = new Scene(6, Link);
        byte[] first = [];
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (first.Length == 0)
                first = datagram.ToArray();
            return false;
        };
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.Host.Connections.Count > 0, Long), "the host hears nothing");
        first[^1] ^= 1;
        for (int i = 0; i < 7; i++)
            scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, first);
        Establish(scene);
        Assert.Equal(7ul, scene.HostConnection.Keys()!.Failed);
        Assert.Equal(0ul, scene.Connection.Keys()!.Failed);
    }

    [Fact]
    public void A_client_drops_0_RTT_packets_unopened() // section 5.6
    {
        Scene scene = Scene.Connected(8, Link);
        Assert.True(scene.HostConnection.PeerIds().TryGetFor(scene.HostConnection.Paths().Current, out ConnectionId destination));
        Span<byte> packet = stackalloc byte[100];
        packet.Clear();
        var writer = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref writer, PacketType.ZeroRtt, destination, default, default, PacketNumberCodec.MaxLength, out int lengthOffset);
        PacketHeaderWriter.PatchLength(packet, lengthOffset, packet.Length - writer.Position);
        ConnectionStatistics before = scene.Connection.Statistics;
        scene.Network.Send(scene.Host, Scene.HostRelay, Scene.ClientRelay, packet);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(before.PacketsDropped + 1, scene.Connection.Statistics.PacketsDropped);
        Assert.Equal(0ul, scene.Connection.Keys()!.Failed);
        Assert.True(scene.Connection.IsOpen);
    }

    [Fact]
    public void No_secret_of_the_handshake_outlives_it() // RFC 9846 sections 7.1 and 7.2
    {
        Scene scene = Scene.Connected(7, Link);
        foreach (QuicConnection connection in new[] { scene.Connection, scene.HostConnection })
        {
            Assert.DoesNotContain(connection.ApplicationSecrets().Client, b => b != 0);
            Assert.DoesNotContain(connection.ApplicationSecrets().Server, b => b != 0);
        }
        scene.ClientApplication.Start(scene.Connection, 1, 50_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "no transfer");
    }

    private static void Establish(Scene scene) => scene.Check(
        scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished && scene.HostApplication.IsEstablished, Long), "no handshake");

    private static List<PacketType> Types(ReadOnlySpan<byte> datagram)
    {
        List<PacketType> types = [];
        while (PacketHeader.TryRead(datagram, ConnectionIdFactory.Length, out PacketHeader header))
        {
            types.Add(header.Type);
            datagram = datagram[header.PacketLength..];
        }
        return types;
    }

    /// <summary>One byte of CRYPTO data so far behind the end of what the host has had of its client's Initial data.</summary>
    private static byte[] CryptoFrameBehind(Scene scene, int gap)
    {
        ulong end = scene.HostConnection.Spaces()[(int)PacketNumberSpace.Initial].CryptoIn.ReadUpTo();
        var writer = new WireWriter(stackalloc byte[16]);
        CryptoFrame.WriteHeader(ref writer, end + (ulong)gap, 1);
        writer.WriteByte(1);
        return writer.Written.ToArray();
    }

    private static void SayInitial(Scene scene, in ConnectionId source, ulong number, ReadOnlySpan<byte> frames)
    {
        ConnectionId destination = scene.HostConnection.OriginalDestination;
        byte[] packet = Packets.Initial(destination, fromClient: true, destination, source, number, frames, atLeast: MtuDiscovery.BaseSize);
        scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, packet);
    }
}
