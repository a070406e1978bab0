using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class PacketHeaderTests
{
    private const int LocalIdLength = 8;

    private static readonly ConnectionId Destination = new(Hex.Bytes("8394c8f03e515708"));

    private static readonly ConnectionId Source = new(Hex.Bytes("f067a5"));

    [Fact]
    public void Initial_is_laid_out_as_in_section_17_2_2()
    {
        byte[] packet = WriteLong(PacketType.Initial, Destination, Source, Hex.Bytes("746f6b"), packetNumberLength: 4, rest: 30);

        Assert.Equal(
            "c3" + "00000001" + "08" + "8394c8f03e515708" + "03" + "f067a5" + "03" + "746f6b" + "401e",
            Hex.Text(packet.AsSpan(0, packet.Length - 30)));
        Assert.True(PacketHeader.TryRead(packet, LocalIdLength, out PacketHeader header));
        Assert.Equal(PacketType.Initial, header.Type);
        Assert.Equal(QuicVersion.Version1, header.Version);
        Assert.Equal(Destination, header.Destination);
        Assert.Equal(Source, header.Source);
        Assert.Equal("746f6b", Hex.Text(header.Token));
        Assert.Equal(packet.Length - 30, header.PacketNumberOffset);
        Assert.Equal(packet.Length, header.PacketLength);
    }

    [Theory]
    [InlineData("d1" + "00000001" + "08" + "8394c8f03e515708" + "03" + "f067a5" + "401e", 1)]
    [InlineData("e1" + "00000001" + "08" + "8394c8f03e515708" + "03" + "f067a5" + "401e", 2)]
    public void Zero_rtt_and_handshake_are_laid_out_as_in_sections_17_2_3_and_17_2_4(string expected, byte type)
    {
        byte[] packet = WriteLong((PacketType)type, Destination, Source, [], packetNumberLength: 2, rest: 30);

        Assert.Equal(expected, Hex.Text(packet.AsSpan(0, packet.Length - 30)));
        Assert.True(PacketHeader.TryRead(packet, LocalIdLength, out PacketHeader header));
        Assert.Equal((PacketType)type, header.Type);
        Assert.True(header.Token.IsEmpty);
    }

    [Theory]
    [InlineData(false, 1, "40")]
    [InlineData(true, 1, "44")]
    [InlineData(false, 3, "42")]
    [InlineData(true, 4, "47")]
    public void One_rtt_is_laid_out_as_in_section_17_3_1(bool keyPhase, int packetNumberLength, string first)
    {
        byte[] packet = new byte[40];
        var w = new WireWriter(packet);
        PacketHeaderWriter.WriteShort(ref w, Destination, keyPhase, packetNumberLength);

        Assert.Equal(first + "8394c8f03e515708", Hex.Text(w.Written));
        Assert.Equal(PacketHeaderWriter.ShortLength(Destination), w.Position);
        Assert.True(PacketHeader.TryRead(packet, LocalIdLength, out PacketHeader header));
        Assert.Equal(PacketType.OneRtt, header.Type);
        Assert.Equal(Destination, header.Destination);
        Assert.Equal(9, header.PacketNumberOffset);
        Assert.Equal(40, header.PacketLength);
        Assert.Equal(keyPhase, FirstByte.KeyPhase(packet[0]));
        Assert.Equal(packetNumberLength, FirstByte.PacketNumberLength(packet[0]));
        Assert.False(FirstByte.HasReservedBits(packet[0]));
    }

    [Fact]
    public void Packets_in_one_datagram_are_found_one_after_the_other()
    {
        byte[] initial = WriteLong(PacketType.Initial, Destination, Source, [], 2, rest: 50);
        byte[] handshake = WriteLong(PacketType.Handshake, Destination, Source, [], 2, rest: 40);
        byte[] oneRtt = [0x40, .. Destination.Span, .. new byte[30]];
        byte[] datagram = [.. initial, .. handshake, .. oneRtt];

        var found = new List<(PacketType, int)>();
        for (int at = 0; at < datagram.Length;)
        {
            Assert.True(PacketHeader.TryRead(datagram.AsSpan(at), LocalIdLength, out PacketHeader header));
            found.Add((header.Type, header.PacketLength));
            at += header.PacketLength;
        }

        Assert.Equal(
            [(PacketType.Initial, initial.Length), (PacketType.Handshake, handshake.Length), (PacketType.OneRtt, oneRtt.Length)],
            found);
    }

    [Fact]
    public void Long_headers_round_trip() => Gen.Select(
        Gen.Int[0, 2], WireGen.ConnectionId, WireGen.ConnectionId, WireGen.Bytes, Gen.Int[1, 4], Gen.Int[0, 1400]).Sample(
        (type, destination, source, anyToken, packetNumberLength, rest) =>
        {
            byte[] token = type == (int)PacketType.Initial ? anyToken : [];
            byte[] packet = WriteLong((PacketType)type, destination, source, token, packetNumberLength, rest);
            byte[] datagram = [.. packet, 1, 2, 3];

            Assert.True(PacketHeader.TryRead(datagram, LocalIdLength, out PacketHeader header));
            Assert.Equal((PacketType)type, header.Type);
            Assert.Equal(destination, header.Destination);
            Assert.Equal(source, header.Source);
            Assert.True(destination.Span.SequenceEqual(header.DestinationSpan));
            Assert.True(source.Span.SequenceEqual(header.SourceSpan));
            Assert.Equal(token, header.Token.ToArray());
            Assert.Equal(packet.Length - rest, header.PacketNumberOffset);
            Assert.Equal(packet.Length, header.PacketLength);
            Assert.Equal(packetNumberLength, FirstByte.PacketNumberLength(packet[0]));
        });

    [Fact]
    public void A_long_packet_cut_anywhere_is_refused()
    {
        byte[] packet = WriteLong(PacketType.Initial, Destination, Source, [1, 2, 3], 4, rest: 30);

        for (int cut = 0; cut < packet.Length; cut++)
            Assert.False(PacketHeader.TryRead(packet.AsSpan(0, cut), LocalIdLength, out _));
    }

    [Fact]
    public void A_short_packet_without_its_whole_destination_is_refused()
    {
        byte[] packet = [0x40, .. Destination.Span];

        for (int cut = 0; cut <= LocalIdLength; cut++)
            Assert.False(PacketHeader.TryRead(packet.AsSpan(0, cut), LocalIdLength, out _));
        Assert.True(PacketHeader.TryRead(packet, LocalIdLength, out PacketHeader header));
        Assert.Equal(Destination, header.Destination);
    }

    [Theory]
    [InlineData("8300000001" + "0101" + "0102" + "00" + "00", "no fixed bit in a long header")]
    [InlineData("0001020304050607080900", "no fixed bit in a short header")]
    [InlineData("c000000001" + "15" + "000000000000000000000000000000000000000000" + "00" + "00" + "00", "a destination of 21 bytes")]
    [InlineData("c000000001" + "00" + "15" + "000000000000000000000000000000000000000000" + "00" + "00", "a source of 21 bytes")]
    [InlineData("c000000001" + "00" + "00" + "ffffffffffffffff" + "00", "a token longer than anything")]
    [InlineData("c000000001" + "00" + "00" + "00" + "ffffffffffffffff", "a packet longer than anything")]
    [InlineData("e000000001" + "00" + "00" + "02" + "00", "a packet longer than the datagram")]
    [InlineData("f000000001" + "00" + "00" + "000102030405060708090a0b0c0d0e0f", "a Retry without a token")]
    public void What_is_not_a_packet_is_refused(string hex, string why) =>
        Assert.False(PacketHeader.TryRead(Hex.Bytes(hex), LocalIdLength, out PacketHeader header), $"{why}, yet read as {header.Type}");

    [Theory]
    [InlineData(0xc0, 0x0c)]
    [InlineData(0x40, 0x18)]
    public void Reserved_bits_are_those_of_the_form(byte first, byte reserved)
    {
        for (int low = 0; low < 0x20; low++)
            Assert.Equal((low & reserved) != 0, FirstByte.HasReservedBits((byte)(first | low)));
    }

    [Fact]
    public void Other_versions_show_what_is_invariant()
    {
        byte[] destination = [.. Enumerable.Range(0, 255).Select(i => (byte)i)];
        byte[] source = [.. Enumerable.Range(0, 21).Select(i => (byte)(100 + i))];
        byte[] packet = [0x80, 0x1a, 0x2a, 0x3a, 0x4a, 255, .. destination, 21, .. source, 9, 9, 9];

        Assert.True(PacketHeader.TryRead(packet, LocalIdLength, out PacketHeader header));

        Assert.Equal(PacketType.UnknownVersion, header.Type);
        Assert.Equal(0x1a2a3a4au, header.Version);
        Assert.Equal(destination, header.DestinationSpan.ToArray());
        Assert.Equal(source, header.SourceSpan.ToArray());
        Assert.Equal(packet.Length, header.PacketLength);
        for (int cut = 0; cut < packet.Length - 3; cut++)
            Assert.False(PacketHeader.TryRead(packet.AsSpan(0, cut), LocalIdLength, out _));
    }

    [Fact]
    public void Whatever_comes_the_header_stays_within_the_datagram()
    {
        byte[] sample = WriteLong(PacketType.Initial, Destination, Source, [1, 2, 3], 4, rest: 30);
        Gen.Select(Gen.Select(Gen.Int[0, 70], Gen.Byte).Array[0, 6], Gen.Byte.Array[0, 60], Gen.Bool, (changes, random, fromSample) =>
        {
            byte[] bytes = fromSample ? [.. sample] : random;
            foreach ((int at, byte value) in changes)
            {
                if (bytes.Length > 0)
                    bytes[at % bytes.Length] = value;
            }
            return bytes;
        }).Sample(
            bytes =>
            {
                if (!PacketHeader.TryRead(bytes, LocalIdLength, out PacketHeader header))
                    return;
                Assert.InRange(header.PacketLength, 1, bytes.Length);
                Assert.InRange(header.PacketNumberOffset, 0, header.PacketLength);
                if (header.DestinationSpan.Length <= ConnectionId.MaxLength)
                    Assert.True(header.DestinationSpan.SequenceEqual(header.Destination.Span));
            },
            iter: 20_000);
    }

    [Fact]
    public void Only_packets_with_numbers_are_written_with_a_length()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => WriteLong(PacketType.Retry, Destination, Source, [], 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => WriteLong(PacketType.Initial, Destination, Source, [], 5, 0));
    }

    /// <summary>A long header, and <paramref name="rest"/> bytes for what would follow.</summary>
    private static byte[] WriteLong(
        PacketType type, in ConnectionId destination, in ConnectionId source, byte[] token, int packetNumberLength, int rest)
    {
        byte[] packet = new byte[PacketHeaderWriter.LongLength(type, destination, source, token.Length) + rest];
        var w = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref w, type, destination, source, token, packetNumberLength, out int lengthOffset);
        Assert.Equal(rest, w.Remaining);
        PacketHeaderWriter.PatchLength(packet, lengthOffset, rest);
        return packet;
    }
}
