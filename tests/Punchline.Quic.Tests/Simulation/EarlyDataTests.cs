using Punchline.Quic.Recovery;
using Punchline.Quic.Tests.Adversary;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// What 0-RTT is bound to: the parameters of the connection that gave the ticket (RFC 9000 section 7.4.1, RFC 9221 section 3), the
/// host that gave it, and the limits of its keys.
/// </summary>
public sealed class EarlyDataTests
{
    private const ulong MaxAckDelay = 0x0b;
    private const ulong InitialMaxStreamDataBidiRemote = 0x06;
    private static readonly StreamId Control = StreamId.From(clientInitiated: true, bidirectional: true, ordinal: 0);

    [Fact]
    public void A_session_remembers_all_that_the_server_said()
    {
        var greeting = new Greeting(301);
        var trace = new EarlyTrace();
        greeting.Client.Trace = trace;
        greeting.HaveMet();
        Assert.NotEmpty(trace.Parameters);
        Assert.All(greeting.Sessions, session => Assert.Equal(trace.Parameters, ResumableSession.TryRead(session)!.TransportParameters));
    }

    [Fact]
    public void Of_what_it_remembers_a_client_uses_only_what_limits_0_rtt()
    {
        Greeting greeting = new Greeting(302).HaveMet();
        greeting.Connect(Remembering(greeting.Sessions.Dequeue(), MaxAckDelay, _ => 1_234));
        Assert.True(greeting.Connection.IsEarlyDataOpen);
        // Nothing but the default before the server has said it, and then what it says.
        Assert.Equal(TransportParameters.DefaultMaxAckDelayMilliseconds, greeting.Connection.Loss().PeerMaxAckDelay.TotalMilliseconds);
        Assert.Null(greeting.Connection.PeerParameters());
        greeting.RunUntilAnswered();
        Assert.True(greeting.HeardEarly);
        Assert.Equal(greeting.Connection.PeerParameters()!.MaxAckDelayMilliseconds, greeting.Connection.Loss().PeerMaxAckDelay.TotalMilliseconds);
        Assert.NotEqual(1_234ul, greeting.Connection.PeerParameters()!.MaxAckDelayMilliseconds);
    }

    [Theory]
    [InlineData(0x04)] // initial_max_data
    [InlineData(0x05)] // initial_max_stream_data_bidi_local
    [InlineData(0x06)] // initial_max_stream_data_bidi_remote
    [InlineData(0x07)] // initial_max_stream_data_uni
    [InlineData(0x08)] // initial_max_streams_bidi
    [InlineData(0x09)] // initial_max_streams_uni
    [InlineData(0x0e)] // active_connection_id_limit
    [InlineData(0x20)] // max_datagram_frame_size
    public void A_client_notices_every_limit_that_is_smaller_than_it_remembers(ulong parameter)
    {
        Greeting greeting = new Greeting(303).HaveMet();
        greeting.Connect(Remembering(greeting.Sessions.Dequeue(), parameter, now => now + 1));
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code == (ulong)TransportErrorCode.ProtocolViolation), "no complaint");
        Assert.Contains(greeting.Closes, close => !close.IsRemote && close.Reason.Contains("smaller limits", StringComparison.Ordinal));
    }

    [Fact]
    public void Limits_that_a_server_raises_do_not_count_in_0_rtt()
    {
        Greeting greeting = new Greeting(304).HaveMet();
        var client = new EarlyTrace();
        var host = new EarlyTrace();
        greeting.Client.Trace = client;
        greeting.Host.Trace = host;
        // The server's flight is lost. Of it the test brings the ServerHello and EncryptedExtensions, but not Finished.
        byte[] lost = [];
        greeting.Network.DropFilter = (from, datagram) =>
        {
            if (from == greeting.Host && lost.Length == 0)
                lost = datagram.ToArray();
            return from == greeting.Host;
        };
        QuicConnection connection = greeting.Connect(Remembering(greeting.Sessions.Dequeue(), InitialMaxStreamDataBidiRemote, _ => 5));
        connection.Write(Control, "HELLO"u8, out int more);
        Assert.Equal(5, more); // taken, but the limit that is remembered has room for one HELLO only
        greeting.RunUntil(() => lost.Length > 0, "no answer");
        Assert.Equal(2, greeting.HellosHeard);
        int early = client.Numbers.Count;

        greeting.Network.DropFilter = null;
        Assert.True(PacketHeader.TryRead(lost, ConnectionIdFactory.Length, out PacketHeader initial));
        greeting.Network.Send(greeting.Host, Greeting.HostAddress, Greeting.ClientAddress, lost.AsSpan(0, initial.PacketLength));
        greeting.Network.Send(greeting.Host, Greeting.HostAddress, Greeting.ClientAddress, InHandshakePacket(greeting, initial, FirstMessage(host.Handshake)));
        greeting.RunUntil(() => connection.PeerParameters() is not null, "no parameters");
        Assert.False(connection.IsEstablished);
        greeting.Network.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal(early, client.Numbers.Count);

        // The rest follows under keys of 1-RTT.
        greeting.RunUntil(() => greeting.HellosHeard == 3, "the second HELLO");
        Assert.True(connection.IsResumed);
        Assert.Equal(early, client.Numbers.Count);
    }

    [Fact]
    public void A_client_that_goes_beyond_its_limits_in_0_rtt_is_shut_out()
    {
        Greeting greeting = new Greeting(305).HaveMet();
        byte[] packet = greeting.Connect(greeting.Sessions.Dequeue()).SealEarly(Raw.Stream(Control.Value, 1 << 30, 1));
        greeting.Network.RunFor(Greeting.Delay);
        greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code == (ulong)TransportErrorCode.FlowControlError), "no refusal");
    }

    [Fact]
    public void Forged_0_rtt_packets_count_as_all_others()
    {
        Greeting greeting = new Greeting(306).HaveMet();
        byte[] packet = greeting.Connect(greeting.Sessions.Dequeue()).SealEarly([0x01]);
        packet[^1] ^= 1;
        greeting.Network.RunFor(Greeting.Delay);
        for (int i = 0; i < 7; i++)
            greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntilAnswered();
        greeting.RunUntil(() => greeting.Host.Connections is [{ IsEstablished: true }], "not established");
        Assert.Equal(7ul, greeting.Host.Connections[0].Keys()!.Failed);
    }

    [Fact]
    public void Keys_of_0_rtt_protect_no_more_than_an_initial_window_and_probes()
    {
        // No acknowledgement of 0-RTT can be read before there are keys of 1-RTT, so the window does not open. Beyond it there is
        // one packet with each probe timeout, of which the idle timeout leaves few: far from the limits of the cipher.
        Greeting greeting = new Greeting(307).HaveMet();
        var trace = new EarlyTrace();
        greeting.Client.Trace = trace;
        greeting.Network.DropFilter = (_, _) => true;
        QuicConnection connection = greeting.Connect(greeting.Sessions.Dequeue());
        Assert.Equal(StreamStatus.Ok, connection.Write(Control, new byte[30_000], out int taken));
        Assert.Equal(30_000, taken);
        greeting.Network.RunFor(TimeSpan.FromSeconds(50));
        Assert.InRange(trace.Numbers.Count, 10, 16);
    }

    [Fact]
    public void A_session_of_another_host_is_not_offered()
    {
        Greeting greeting = new Greeting(308).HaveMet();
        ResumableSession session = ResumableSession.TryRead(greeting.Sessions.Dequeue())!;
        greeting.Connect((session with { PeerId = SimulatedIdentities.IdOf("another host") }).Write());
        Assert.False(greeting.Connection.IsEarlyDataOpen);
        greeting.RunUntilAnswered();
        Assert.False(greeting.Connection.IsResumed || greeting.WasRejected);
        // And what was not offered is still good.
        greeting.CloseAll();
        greeting.Connect(session.Write());
        greeting.RunUntilAnswered();
        Assert.True(greeting.Connection.IsResumed);
    }

    /// <summary>The session, as if the server had given another value then.</summary>
    private static byte[] Remembering(byte[] bytes, ulong parameter, Func<ulong, ulong> change)
    {
        ResumableSession session = ResumableSession.TryRead(bytes)!;
        var changed = new List<byte>();
        var reader = new WireReader(session.TransportParameters);
        ulong present = 0;
        while (!reader.IsEmpty)
        {
            Assert.True(reader.TryReadVarInt(out ulong id));
            Assert.True(reader.TryReadVarInt(out ulong length));
            Assert.True(reader.TryReadBytes(length, out var content));
            if (id == parameter)
            {
                var value = new WireReader(content);
                Assert.True(value.TryReadVarInt(out present));
                continue;
            }
            changed.AddRange([.. Raw.Ints(id, length), .. content]);
        }
        byte[] remembered = Raw.Ints(change(present));
        changed.AddRange([.. Raw.Ints(parameter, (ulong)remembered.Length), .. remembered]);
        return (session with { TransportParameters = [.. changed] }).Write();
    }

    /// <summary>A Handshake packet of the host's of the test's making, remembered as sent.</summary>
    private static byte[] InHandshakePacket(Greeting greeting, in PacketHeader like, byte[] message)
    {
        QuicConnection host = greeting.Host.Connections[0];
        PacketSpace space = host.Spaces()[(int)PacketNumberSpace.Handshake];
        byte[] packet = Packets.Long(PacketType.Handshake, space.WriteKeys!, like.Destination, like.Source, space.NextNumber, Raw.Crypto(0, message));
        host.Loss().OnPacketSent(PacketNumberSpace.Handshake, space.NextNumber++, greeting.Network.Now, packet.Length, host.Paths().Current.Recovery,
            SentPacketFlags.AckEliciting | SentPacketFlags.InFlight, [new SentFrame(SentFrameKind.Ping, 0, 0, 0, false)]);
        return packet;
    }

    /// <summary>The first message of a CRYPTO frame from the beginning of its stream.</summary>
    private static byte[] FirstMessage(byte[] frames)
    {
        var reader = new WireReader(frames);
        while (FrameTypes.TryReadType(ref reader, out ulong type, out _))
        {
            if (type == FrameTypes.Padding)
                continue;
            Assert.Equal(FrameTypes.Crypto, type);
            Assert.True(CryptoFrame.TryRead(ref reader, out CryptoFrame crypto));
            Assert.Equal(0ul, crypto.Offset);
            return crypto.Data[..(4 + (crypto.Data[1] << 16 | crypto.Data[2] << 8 | crypto.Data[3]))].ToArray();
        }
        throw new InvalidOperationException("no CRYPTO frame");
    }
}
