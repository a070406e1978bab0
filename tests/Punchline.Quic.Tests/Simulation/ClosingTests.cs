using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What a connection says, and does not say, once it is closed (RFC 9000 section 10.2).</summary>
public sealed class ClosingTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public void Datagrams_that_nobody_authenticated_are_answered_ever_more_rarely_and_below_three_times_their_bytes() // section 10.2.1
    {
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.Zero }); // what is sent has arrived
        byte[] forged = [0x40, .. FirstIdOf(scene.HostConnection).Span, 0, 0];
        var closes = new List<int>();
        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Host)
                closes.Add(datagram.Length);
            return true;
        };
        scene.HostConnection.Close(scene.Network.Now, 7, new string('x', 200));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Single(closes);
        int unasked = closes[0];

        scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == scene.Host)
                closes.Add(datagram.Length);
            return from == scene.Host;
        };
        for (int i = 1; i <= 200; i++)
        {
            scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, forged);
            scene.Network.RunFor(TimeSpan.FromMicroseconds(100));
            int heard = i * forged.Length;
            Assert.True(closes.Sum() - unasked <= 3 * heard, $"{closes.Sum() - unasked} bytes for {heard}");
        }
        Assert.InRange(closes.Count, 3, 8);
    }

    [Fact]
    public void An_application_says_nothing_of_itself_before_the_handshake_is_over() // section 10.2.3
    {
        var scene = new Scene(2, Link);
        scene.Connect();
        // The client has the handshake's keys, and the host's address is not proven to be read by it yet.
        scene.Connection.Close(scene.Network.Now, 7, "a secret of the application");
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.ClosedBy is not null, TimeSpan.FromSeconds(5)), "not heard");
        Assert.True(scene.HostApplication.ClosedBy is { IsApplication: false, Code: (ulong)TransportErrorCode.ApplicationError, Reason: "" },
            scene.HostApplication.ClosedBy!.ToString());
    }

    [Fact]
    public void After_the_handshake_only_a_short_packet_closes() // section 10.2.3
    {
        Scene scene = Scene.Connected(3, Link);
        byte[]? close = null;
        scene.Network.DropFilter = (_, datagram) =>
        {
            close ??= datagram.ToArray();
            return false;
        };
        scene.Connection.Close(scene.Network.Now, 7, "done");
        scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.False(FirstByte.IsLong(close![0]));
    }

    [Fact]
    public void Who_was_told_says_nothing_more_and_stays_for_three_probe_timeouts() // sections 10.2 and 10.2.2
    {
        Scene scene = Scene.Connected(4, Link);
        QuicConnection host = scene.HostConnection;
        TimeSpan threeTimeouts = 3 * host.Paths().Current.Recovery.Rtt.ProbeTimeout(TimeSpan.FromMilliseconds(25));
        scene.Connection.Close(scene.Network.Now, 0, "done");
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.ClosedBy is not null, TimeSpan.FromSeconds(1)), "not heard");
        Instant told = scene.Network.Now;
        scene.Network.DropFilter = (from, _) =>
        {
            Assert.NotSame(scene.Host, from);
            return false;
        };
        byte[] late = [0x40, .. FirstIdOf(host).Span, .. new byte[30]];
        while (!host.IsTerminated)
        {
            scene.Network.Send(scene.Client, Scene.ClientRelay, Scene.HostRelay, late);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(10));
        }
        Assert.InRange(scene.Network.Now - told, threeTimeouts - TimeSpan.FromMilliseconds(10), threeTimeouts + TimeSpan.FromMilliseconds(20));
    }

    [Fact]
    public void At_the_end_of_the_packet_numbers_it_ends_without_a_word() // section 12.3
    {
        Scene scene = Scene.Connected(5, Link);
        scene.Connection.Spaces()[(int)PacketNumberSpace.Application].NextNumber = VarInt.MaxValue - 10;
        int said = 0;
        scene.Network.DropFilter = (from, _) =>
        {
            said += from == scene.Client ? 1 : 0;
            return false;
        };
        scene.Connection.TrySendDatagram([1]);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(scene.Connection.IsTerminated);
        Assert.Equal(0, said);
    }

    /// <summary>The id under which the peer sends to a connection at first.</summary>
    private static ConnectionId FirstIdOf(QuicConnection connection) => connection.FirstLocalId();
}
