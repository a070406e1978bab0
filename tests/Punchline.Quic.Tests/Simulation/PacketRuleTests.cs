using Punchline.Quic.Paths;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Rules of RFC 9000 that single datagrams of a running connection show.</summary>
public sealed class PacketRuleTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };
    private static readonly QuicTransportOptions Plain = new() { Punch = false };
    private static readonly UdpAddress Elsewhere = UdpAddress.FromBytes([198, 18, 1, 77], 0, 41_000);
    private static readonly byte[] Challenge = [0x1a, 1, 2, 3, 4, 5, 6, 7, 8];

    [Fact]
    public void A_sender_without_credit_keeps_the_connection_alive_by_saying_so() // section 4.1
    {
        Scene scene = Scene.Connected(1, Link, new QuicTransportOptions
        {
            Punch = false, KeepAlive = TimeSpan.Zero, IdleTimeout = TimeSpan.FromSeconds(10),
        });
        // The host echoes, and the client reads nothing: in the end neither can send.
        Assert.True(scene.Connection.TryOpenStream(bidirectional: true, out StreamId id));
        var data = new byte[64 * 1024];
        for (int i = 0; i < 100; i++)
        {
            scene.Connection.Write(id, data, out _);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }
        Assert.NotEqual(0, Unsent(scene.Connection, id));
        scene.Network.RunFor(TimeSpan.FromSeconds(60));

        Assert.True(scene.Connection.IsOpen && scene.Host.Connections.Count == 1, "it fell silent, and ended as idle");
    }

    [Fact]
    public void No_packet_is_too_short_to_be_answered_with_a_reset() // section 10.3
    {
        var scene = new Scene(2, Link);
        int shortest = int.MaxValue;
        scene.Network.DropFilter = (_, datagram) =>
        {
            if (!FirstByte.IsLong(datagram.Span[0]))
                shortest = Math.Min(shortest, datagram.Length);
            return false;
        };
        scene.Connect();
        scene.Network.RunFor(TimeSpan.FromSeconds(60)); // PINGs and acknowledgements alone

        Assert.InRange(shortest, ConnectionIdFactory.Length + 22, 40);
    }

    [Theory]
    [InlineData(0x40)]
    [InlineData(0xc0)] // another version's long header
    public void What_ends_in_the_token_of_an_id_in_use_is_a_reset(byte first) // sections 10.3 and 10.3.1
    {
        Scene scene = Scene.Connected(3, Link);
        Assert.True(scene.Connection.PeerIds().TryGetFor(scene.Connection.Paths().Current, out ConnectionId id));
        var datagram = new byte[60];
        datagram.AsSpan(1).Fill(0x11);
        (datagram[0], datagram[5]) = (first, 4); // a long header has short ids then
        scene.HostConnection.IdTable().WriteResetToken(id, datagram.AsSpan(^16..));

        scene.Network.Send(scene.Host, Scene.HostRelay, Scene.ClientRelay, datagram);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(50));

        Assert.Contains("stateless reset", scene.ClientApplication.ClosedBy?.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Packets_with_another_destination_leave_in_a_datagram_of_their_own() // section 12.2
    {
        var scene = new Scene(4, Link);
        var datagrams = new List<byte[]>();
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Client)
                datagrams.Add(datagram.ToArray());
            return from == scene.Host && scene.ClientApplication.IsEstablished; // not confirmed: the handshake's keys stay
        };
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, TimeSpan.FromSeconds(5)), "no handshake");
        datagrams.Clear();
        ConnectionId other = new([5, 5, 5, 5, 5, 5, 5, 5]);
        Assert.Null(scene.Connection.PeerIds().OnNewConnectionId(
            new NewConnectionIdFrame(1, 1, other, new byte[16]), scene.Connection.Paths().Current));
        for (int i = 0; i < 20; i++)
        {
            scene.Connection.TrySendDatagram([1]);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }

        int mixed = 0;
        foreach (byte[] datagram in datagrams.Where(d => FirstByte.IsLong(d[0])))
        {
            int offset = 0;
            while (offset < datagram.Length && PacketHeader.TryRead(datagram.AsSpan(offset), 8, out PacketHeader header))
            {
                mixed += header.Destination == other ? 1 : 0;
                offset += header.PacketLength;
            }
        }
        Assert.Contains(datagrams, d => FirstByte.IsLong(d[0]));
        Assert.Contains(datagrams, d => !FirstByte.IsLong(d[0]));
        Assert.Equal(0, mixed);
    }

    [Theory]
    [InlineData(false, 1200, 1200)]
    [InlineData(true, 30, 60)]
    public void A_small_challenge_is_answered_in_full_size_where_punch_is_not_agreed(bool punch, int least, int most) // section 8.2.2
    {
        Scene scene = Scene.Connected(5, Link, new QuicTransportOptions { Punch = punch });
        var answers = new List<int>();
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Host)
                answers.Add(datagram.Length);
            return false;
        };

        scene.Say(fromClient: true, Challenge);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(22));

        Assert.InRange(Assert.Single(answers), least, most);
    }

    [Fact]
    public void An_answer_is_never_sent_twice_and_goes_where_the_challenge_came_from() // section 8.2.2
    {
        Scene scene = Scene.Connected(6, Link, Plain);
        int elsewhere = 0;
        scene.Network.Watch = (target, length) => elsewhere += target == Elsewhere && length == 1200 ? 1 : 0;
        scene.Network.DropFilter = (from, _) => from == scene.Host; // no answer arrives, and no acknowledgement

        scene.Say(fromClient: true, [.. Challenge, .. new byte[1100]], Elsewhere);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(22));
        Assert.Equal(1, elsewhere);
    }

    [Fact]
    public void A_server_whose_last_validated_path_is_gone_ends_without_a_word() // section 9.3.2
    {
        Scene scene = Scene.Connected(7, Link, Plain);
        NetworkPath first = scene.HostConnection.CurrentPath;
        scene.Say(fromClient: true, [1], Elsewhere);
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath != first, TimeSpan.FromSeconds(1)), "the copy is not followed");
        QuicConnection host = scene.HostConnection;
        host.RemovePath(scene.Network.Now, first);
        scene.Network.DropFilter = (from, _) => from == scene.Client;
        scene.Check(scene.Network.RunUntil(() => host.IsTerminated, TimeSpan.FromSeconds(10)), "it stays");
        int said = 0;
        scene.Network.DropFilter = (from, _) =>
        {
            said += from == scene.Host ? 1 : 0;
            return from == scene.Client;
        };
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(0, said);
        Assert.Equal((ulong)TransportErrorCode.NoViablePath, scene.HostApplication.ClosedBy?.Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_packet_that_does_not_decrypt_is_passed_over_and_one_for_another_id_ends_the_datagram(bool same) // section 12.2
    {
        Scene scene = Scene.Connected(8, Link);
        byte[]? ping = null;
        scene.Network.DropFilter = (_, datagram) =>
        {
            ping ??= datagram.ToArray();
            return true;
        };
        scene.Say(fromClient: true, [1]);
        scene.Network.DropFilter = null;
        ulong before = scene.HostConnection.Statistics.PacketsReceived;
        ReadOnlySpan<byte> id = ping.AsSpan(1, 8);
        byte[] other = id.ToArray();
        other[7] ^= 1;
        // A Handshake packet: its keys are gone.
        byte[] handshake = [0xe0, 0, 0, 0, 1, 8, .. same ? id.ToArray() : other, 0, 20, .. new byte[20]];

        scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, [.. handshake, .. ping!]);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(22));

        Assert.Equal(same ? before + 1 : before, scene.HostConnection.Statistics.PacketsReceived);
    }

    [Fact]
    public void An_acknowledgement_leaves_before_the_delay_that_was_promised() // section 18.2
    {
        Scene scene = Scene.Connected(9, Link);
        Instant? acknowledged = null;
        scene.Network.DropFilter = (from, _) =>
        {
            if (from == scene.Host)
                acknowledged ??= scene.Network.Now;
            return false;
        };
        scene.Say(fromClient: true, [1]);
        Instant arrives = scene.Network.Now + TimeSpan.FromMilliseconds(20);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));

        Assert.NotNull(acknowledged);
        Assert.InRange(acknowledged.Value - arrives, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(24));
    }

    private static int Unsent(QuicConnection connection, StreamId id)
    {
        connection.Write(id, new byte[100_000], out int accepted);
        return 100_000 - accepted;
    }
}
