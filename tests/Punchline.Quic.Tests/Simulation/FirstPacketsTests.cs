using Punchline.Quic.Crypto;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// What a client makes of the packets that nobody authenticates: Version Negotiation and Retry (RFC 9000 sections 6.2 and 17.2.5).
/// </summary>
public sealed class FirstPacketsTests
{
    private const uint Unknown = 0x6b3343cf;

    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };
    private static readonly ConnectionId Chosen = new([9, 9, 9, 9, 9, 9, 9, 9]);

    private readonly List<byte[]> _said = [];
    private readonly Scene _scene = new(1, Link, new QuicTransportOptions { SilentToStrangers = false });
    private bool _hostIsCut = true;

    public FirstPacketsTests()
    {
        _scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == _scene.Client)
                _said.Add(datagram.ToArray());
            return from == _scene.Client && _hostIsCut;
        };
        _scene.Connect();
        _scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public void A_server_of_other_versions_ends_the_attempt()
    {
        Answer(Negotiation(Unknown));

        Assert.Equal((ulong)TransportErrorCode.ConnectionRefused, _scene.ClientApplication.ClosedBy?.Code);
    }

    [Fact]
    public void A_list_with_our_version_or_about_another_connection_is_ignored()
    {
        Answer(Negotiation(Unknown, QuicVersion.Version1));
        Answer(Negotiation(First.Source, Chosen, Unknown));
        Answer(Negotiation(Chosen, First.Destination, Unknown));

        Assert.Null(_scene.ClientApplication.ClosedBy);
        Goes_on();
    }

    [Fact]
    public void A_list_after_another_packet_is_ignored()
    {
        Answer(Retry("a token"));
        Answer(Negotiation(Unknown));

        Assert.Null(_scene.ClientApplication.ClosedBy);
    }

    [Fact]
    public void A_list_is_not_answered_by_a_list() // section 6.1
    {
        byte[] list = [.. Negotiation(Unknown), .. new byte[1200]];
        int answers = 0;
        _scene.Network.DropFilter = (from, _) =>
        {
            answers += from == _scene.Host ? 1 : 0;
            return from == _scene.Client && answers < 0;
        };
        _scene.Network.Send(_scene.Client, Scene.ClientRelay, Scene.HostRelay, list);
        _scene.Network.RunFor(TimeSpan.FromMilliseconds(30));
        Assert.Equal(0, answers);
    }

    [Fact]
    public void A_Retry_moves_the_client_to_its_id_and_token_and_nothing_else_changes()
    {
        byte[] before = _said[^1];
        Answer(Retry("a token"));
        _scene.Network.RunFor(TimeSpan.FromSeconds(2)); // with probe timeouts

        Assert.True(_said.Count > 3);
        ConnectionId source = HeaderOf(before).Source;
        foreach (byte[] datagram in _said.Where(d => !d.AsSpan().SequenceEqual(before)))
        {
            PacketHeader header = HeaderOf(datagram);
            Assert.Equal("a token"u8.ToArray(), header.Token.ToArray());
            Assert.Equal(Chosen, header.Destination);
            Assert.Equal(source, header.Source);
            Assert.True(datagram.Length >= 1200);
        }
        // Sections 17.2.5.3: the same hello, in packets whose numbers go on.
        Assert.Equal(HelloOf(before, First.Destination, out ulong number), HelloOf(_said[1], Chosen, out ulong next));
        Assert.True(next > number, $"packet {next} after {number}");
    }

    [Fact]
    public void A_second_Retry_is_ignored()
    {
        Answer(Retry("a token"));
        Answer(Retry("another"));
        _scene.Network.RunFor(TimeSpan.FromSeconds(2));

        Assert.Equal("a token"u8.ToArray(), HeaderOf(_said[^1]).Token.ToArray());
    }

    [Fact]
    public void A_Retry_that_is_forged_empty_or_names_our_own_id_is_ignored()
    {
        byte[] forged = Retry("a token");
        forged[^1] ^= 1;
        Answer(forged);
        Answer(Retry("a token", source: First.Destination));
        byte[] empty = [.. forged[..(7 + 8 + 8)], .. new byte[16]]; // header, no token, tag
        Answer(empty);

        Goes_on();
        Assert.All(_said, d => Assert.Equal(0, FirstByte.IsLong(d[0]) && (d[0] & 0x30) == 0 ? HeaderOf(d).Token.Length : 0));
    }

    [Fact]
    public void A_Retry_after_the_handshake_began_is_ignored()
    {
        byte[] retry = Retry("a token");
        _hostIsCut = false;
        _scene.Check(_scene.Network.RunUntil(() => _scene.ClientApplication.IsEstablished, TimeSpan.FromSeconds(5)), "no handshake");
        Answer(retry);
        _scene.Check(_scene.Network.RunUntil(() => _scene.HostApplication.IsEstablished, TimeSpan.FromSeconds(5)), "no handshake");
    }

    [Theory]
    [InlineData(1199, false)]
    [InlineData(1200, true)]
    public void A_hello_in_a_datagram_that_is_too_small_is_dropped(int size, bool answered) // section 14.1
    {
        byte[] hello = _said[0];
        PacketHeader header = HeaderOf(hello);
        // The same packet with other padding: opened, cut and sealed again.
        byte[] frames = HelloOf(hello, header.Destination, out ulong number);
        var packet = new byte[size];
        var writer = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref writer, PacketType.Initial, header.Destination, header.Source, header.Token, 1, out int lengthOffset);
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, number, 1);
        int start = writer.Position;
        frames.CopyTo(packet.AsSpan(start));
        PacketHeaderWriter.PatchLength(packet, lengthOffset, size - numberOffset);
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(header.Destination, client, server);
        using (LevelKeys keys = LevelKeys.FromSecret(client))
        {
            keys.Aead.Seal(packet, start, number);
            keys.Header.Protect(packet, numberOffset, 1);
        }
        int answers = 0;
        _scene.Network.DropFilter = (from, _) =>
        {
            answers += from == _scene.Host ? 1 : 0;
            return from == _scene.Host;
        };
        _scene.Network.Send(_scene.Client, Scene.ClientRelay, Scene.HostRelay, packet);
        _scene.Network.RunFor(TimeSpan.FromMilliseconds(30));

        Assert.Equal(answered, answers > 0);
    }

    [Theory]
    [InlineData(false, false, false, true)]
    [InlineData(true, false, false, false)] // another source: section 7.2
    [InlineData(false, true, false, false)] // a token: section 17.2.2
    [InlineData(false, false, true, true)] // reserved bits: section 17.2
    public void Of_Initial_packets_with_the_servers_keys_a_client_takes_those_that_a_server_may_send(
        bool otherSource, bool token, bool reservedBits, bool closes)
    {
        ConnectionId source = default;
        _hostIsCut = false;
        _scene.Network.DropFilter = (from, datagram) =>
        {
            if (from == _scene.Host)
                source = HeaderOf(datagram.ToArray()).Source;
            return from == _scene.Client && source.Length > 0; // the client's second flight waits: Initial keys live on
        };
        _scene.Check(_scene.Network.RunUntil(() => source.Length > 0, TimeSpan.FromSeconds(5)), "no answer");
        Answer(Close(First.Source, otherSource ? Chosen : source, First.Destination, token ? [1] : [], reservedBits));

        Assert.Equal(closes, _scene.ClientApplication.ClosedBy is not null);
        if (closes)
            Assert.Equal(reservedBits ? 0x0aul : 0x02ul, _scene.ClientApplication.ClosedBy!.Code);
    }

    [Fact]
    public void A_first_destination_has_eight_bytes() // section 7.2
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _scene.Client.Endpoint.Connect(
            _scene.Network.Now,
            new QuicClientOptions { ExpectedPeerId = default, InitialDestination = new ConnectionId(new byte[7]) },
            _scene.Client.PathTo(Scene.ClientRelay, Scene.HostRelay)));
        byte[] hello = [0xc0, 0, 0, 0, 1, 7, .. new byte[7], 8, .. new byte[8], 0, 0x44, 0x00, .. new byte[1176]];
        Assert.Null(_scene.Host.Endpoint.Receive(
            _scene.Network.Now, _scene.Host.PathTo(Scene.HostRelay, Scene.ClientRelay), EcnCodepoint.NotEct, hello));
    }

    /// <summary>CONNECTION_CLOSE (CONNECTION_REFUSED) in an Initial packet, as the server and whoever saw the client's hello can make it.</summary>
    private static byte[] Close(ConnectionId destination, ConnectionId source, ConnectionId original, byte[] token, bool reservedBits)
    {
        byte[] frame = [0x1c, (byte)TransportErrorCode.ConnectionRefused, 0, 0];
        return Packets.Initial(original, fromClient: false, destination, source, number: 100, frame, setBits: (byte)(reservedBits ? 0x04 : 0), token: token);
    }

    private PacketHeader First => HeaderOf(_said[0]);

    private static PacketHeader HeaderOf(byte[] datagram)
    {
        Assert.True(PacketHeader.TryRead(datagram, ConnectionIdFactory.Length, out PacketHeader header));
        return header;
    }

    /// <summary>The payload of a client's Initial packet, PADDING left off, and its number.</summary>
    private static byte[] HelloOf(byte[] datagram, ConnectionId destination, out ulong number)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(destination, client, server);
        using LevelKeys keys = LevelKeys.FromSecret(client);
        PacketHeader header = HeaderOf(datagram);
        byte[] packet = datagram[..header.PacketLength];
        Assert.True(keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int length));
        number = PacketNumberCodec.ReadTruncated(packet.AsSpan(header.PacketNumberOffset, length));
        int start = header.PacketNumberOffset + length;
        Assert.True(keys.Aead.TryOpen(packet, start, number));
        return packet.AsSpan(start..^16).TrimEnd((byte)0).ToArray();
    }

    private void Answer(byte[] datagram)
    {
        _scene.Network.Send(_scene.Host, Scene.HostRelay, Scene.ClientRelay, datagram);
        _scene.Network.RunFor(TimeSpan.FromMilliseconds(30));
    }

    private void Goes_on()
    {
        _hostIsCut = false;
        _scene.Check(_scene.Network.RunUntil(() => _scene.HostApplication.IsEstablished, TimeSpan.FromSeconds(10)), "no handshake");
    }

    private byte[] Negotiation(params uint[] versions) => Negotiation(First.Source, First.Destination, versions);

    private static byte[] Negotiation(ConnectionId destination, ConnectionId source, params uint[] versions)
    {
        var packet = new byte[200];
        return packet[..VersionNegotiationPacket.Write(packet, destination.Span, source.Span, versions, 0)];
    }

    private byte[] Retry(string token, ConnectionId? source = null)
    {
        byte[] text = System.Text.Encoding.ASCII.GetBytes(token);
        var packet = new byte[RetryPacket.Length(First.Source, source ?? Chosen, text.Length)];
        RetryPacket.Write(packet, First.Source, source ?? Chosen, text, First.Destination);
        return packet;
    }
}
