using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class VersionNegotiationPacketTests
{
    [Fact]
    public void Is_laid_out_as_in_RFC_8999_section_6()
    {
        byte[] packet = new byte[100];

        int length = VersionNegotiationPacket.Write(packet, [1, 2], [3, 4, 5], [QuicVersion.Version1, 0x1a2a3a4a], unusedBits: 0x15);

        Assert.Equal("d5" + "00000000" + "02" + "0102" + "03" + "030405" + "00000001" + "1a2a3a4a", Hex.Text(packet.AsSpan(0, length)));
        Assert.True(PacketHeader.TryRead(packet.AsSpan(0, length), 8, out PacketHeader header));
        Assert.Equal(PacketType.VersionNegotiation, header.Type);
    }

    [Fact]
    public void Round_trips_with_ids_of_any_length() =>
        Gen.Select(Gen.Byte.Array[0, 255], Gen.Byte.Array[0, 255], Gen.UInt.Array[1, 20], Gen.Byte).Sample(
            (destination, source, versions, bits) =>
            {
                byte[] packet = new byte[1 + 4 + 1 + 255 + 1 + 255 + 4 * 20];
                int length = VersionNegotiationPacket.Write(packet, destination, source, versions, bits);

                Assert.True(VersionNegotiationPacket.TryRead(packet.AsSpan(0, length), out VersionNegotiationPacket read));
                Assert.Equal(destination, read.Destination.ToArray());
                Assert.Equal(source, read.Source.ToArray());
                Assert.Equal(versions.Length, read.Count);
                for (int i = 0; i < versions.Length; i++)
                {
                    Assert.Equal(versions[i], read[i]);
                    Assert.True(read.Contains(versions[i]));
                }
                uint absent = 0;
                while (versions.Contains(absent))
                    absent++;
                Assert.False(read.Contains(absent));
            });

    [Fact]
    public void A_list_that_is_empty_or_cut_short_is_worth_nothing()
    {
        byte[] packet = new byte[100];
        int length = VersionNegotiationPacket.Write(packet, [1, 2], [3, 4, 5], [QuicVersion.Version1, 2], 0);
        int firstListed = length - 4;

        for (int cut = 0; cut < length; cut++)
            Assert.Equal(cut == firstListed, VersionNegotiationPacket.TryRead(packet.AsSpan(0, cut), out _));
    }

    [Theory]
    [InlineData("40000000000000" + "00000001", "a short header")]
    [InlineData("c0000000010000" + "00000001", "version 1")]
    public void Other_packets_are_refused(string hex, string why) =>
        Assert.False(VersionNegotiationPacket.TryRead(Hex.Bytes(hex), out _), why);

    [Fact]
    public void Random_bytes_never_throw() => Gen.Byte.Array[0, 60].Sample(
        bytes =>
        {
            if (VersionNegotiationPacket.TryRead([0x80, 0, 0, 0, 0, .. bytes], out VersionNegotiationPacket read))
                Assert.True(read.Count > 0);
        },
        iter: 5_000);
}
