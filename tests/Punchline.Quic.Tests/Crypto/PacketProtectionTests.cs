using CsCheck;
using Punchline.Quic.Crypto;
using Punchline.Quic.Tests.Wire;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

public class PacketProtectionTests
{
    private static readonly ConnectionId Destination = new(Hex.Bytes(Rfc9001Vectors.Destination));

    private static readonly ConnectionId ServerId = new(Hex.Bytes("f067a5502a4262b5"));

    /// <summary>RFC 9001 appendix A.2, from the fields to the packet.</summary>
    [Fact]
    public void Seals_the_clients_Initial_of_the_RFC()
    {
        using LevelKeys keys = LevelKeys.FromSecret(Hex.Bytes(Rfc9001Vectors.ClientInitialSecret));
        byte[] payload = new byte[Rfc9001Vectors.ClientPayloadLength];
        Hex.Bytes(Rfc9001Vectors.ClientCrypto).CopyTo(payload, 0);

        byte[] packet = Build(keys, Destination, default, packetNumber: 2, packetNumberLength: 4, payload, Rfc9001Vectors.ClientHeader);

        Assert.Equal(Hex.Text(Hex.Bytes(Rfc9001Vectors.ClientPacket)), Hex.Text(packet));
        Assert.Equal(1200, packet.Length);
    }

    /// <summary>RFC 9001 appendix A.3, from the fields to the packet.</summary>
    [Fact]
    public void Seals_the_servers_Initial_of_the_RFC()
    {
        using LevelKeys keys = LevelKeys.FromSecret(Hex.Bytes(Rfc9001Vectors.ServerInitialSecret));

        byte[] packet = Build(
            keys,
            default,
            ServerId,
            packetNumber: 1,
            packetNumberLength: 2,
            Hex.Bytes(Rfc9001Vectors.ServerPayload),
            Rfc9001Vectors.ServerHeader);

        Assert.Equal(Hex.Text(Hex.Bytes(Rfc9001Vectors.ServerPacket)), Hex.Text(packet));
    }

    /// <summary>RFC 9001 appendix A.2, from the packet to its frames.</summary>
    [Fact]
    public void Opens_the_clients_Initial_of_the_RFC()
    {
        using LevelKeys keys = LevelKeys.FromSecret(Hex.Bytes(Rfc9001Vectors.ClientInitialSecret));
        byte[] packet = Hex.Bytes(Rfc9001Vectors.ClientPacket);
        Assert.True(PacketHeader.TryRead(packet, 8, out PacketHeader header));
        Assert.Equal(PacketType.Initial, header.Type);
        Assert.Equal(Destination, header.Destination);
        Assert.Equal(packet.Length, header.PacketLength);

        Assert.True(keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int pnLength));
        int headerLength = header.PacketNumberOffset + pnLength;
        Assert.Equal(Rfc9001Vectors.ClientHeader, Hex.Text(packet.AsSpan(0, headerLength)));
        ulong truncated = PacketNumberCodec.ReadTruncated(packet.AsSpan(header.PacketNumberOffset, pnLength));
        Assert.Equal(2ul, PacketNumberCodec.Decode(null, truncated, pnLength));
        Assert.True(keys.Aead.TryOpen(packet, headerLength, 2));

        ReadOnlySpan<byte> payload = packet.AsSpan(headerLength..^AeadKey.TagLength);
        byte[] crypto = Hex.Bytes(Rfc9001Vectors.ClientCrypto);
        Assert.Equal(Hex.Text(crypto), Hex.Text(payload[..crypto.Length]));
        Assert.Equal(-1, payload[crypto.Length..].IndexOfAnyExcept((byte)0));
        var r = new WireReader(payload);
        Assert.True(FrameTypes.TryReadType(ref r, out ulong type, out _));
        Assert.Equal(FrameTypes.Crypto, type);
        Assert.True(CryptoFrame.TryRead(ref r, out CryptoFrame frame));
        Assert.Equal((0ul, 241), (frame.Offset, frame.Data.Length));
    }

    /// <summary>RFC 9001 appendix A.3, from the packet to its frames.</summary>
    [Fact]
    public void Opens_the_servers_Initial_of_the_RFC()
    {
        using LevelKeys keys = LevelKeys.FromSecret(Hex.Bytes(Rfc9001Vectors.ServerInitialSecret));
        byte[] packet = Hex.Bytes(Rfc9001Vectors.ServerPacket);
        Assert.True(PacketHeader.TryRead(packet, 8, out PacketHeader header));
        Assert.Equal(ServerId, header.Source);

        Assert.True(keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int pnLength));
        int headerLength = header.PacketNumberOffset + pnLength;
        Assert.Equal(Rfc9001Vectors.ServerHeader, Hex.Text(packet.AsSpan(0, headerLength)));
        Assert.True(keys.Aead.TryOpen(packet, headerLength, 1));

        Assert.Equal(Hex.Text(Hex.Bytes(Rfc9001Vectors.ServerPayload)), Hex.Text(packet.AsSpan(headerLength..^AeadKey.TagLength)));
    }

    /// <summary>The samples and masks that appendices A.2 and A.3 show.</summary>
    [Theory]
    [InlineData(Rfc9001Vectors.ClientInitialSecret, "d1b1c98dd7689fb8ec11d242b123dc9b", "437b9aec36")]
    [InlineData(Rfc9001Vectors.ServerInitialSecret, "2cd0991cd25b0aac406a5816b6394100", "2ec0d8356a")]
    public void Masks_are_those_of_the_RFC(string secret, string sample, string mask)
    {
        using HeaderKey key = HeaderKey.FromSecret(Hex.Bytes(secret));
        byte[] samples = [.. new byte[16], .. Hex.Bytes(sample), .. new byte[16]];
        byte[] masks = new byte[48];

        key.GetMasks(samples, 3, masks);

        Assert.Equal(mask, Hex.Text(masks.AsSpan(16, HeaderKey.MaskLength)));
        Assert.Equal(Hex.Text(masks.AsSpan(0, 16)), Hex.Text(masks.AsSpan(32, 16)));
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_noticed()
    {
        using LevelKeys keys = LevelKeys.FromSecret(new byte[32]);
        byte[] packet = [0x40, 1, 2, 3, 4, .. new byte[40]];
        keys.Aead.Seal(packet, 5, 7);

        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            byte[] altered = [.. packet];
            altered[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(keys.Aead.TryOpen(altered, 5, 7));
        }
        Assert.False(keys.Aead.TryOpen([.. packet], 5, 8));
        Assert.False(keys.Aead.TryOpen([.. packet], 4, 7));
        Assert.True(keys.Aead.TryOpen([.. packet], 5, 7));
    }

    [Fact]
    public void A_packet_cut_anywhere_is_refused()
    {
        using LevelKeys keys = LevelKeys.FromSecret(new byte[32]);
        byte[] packet = [0x40, 1, 2, 3, 4, .. new byte[40]];
        keys.Aead.Seal(packet, 5, 7);
        keys.Header.Protect(packet, 1, 4);

        for (int cut = 0; cut < packet.Length; cut++)
        {
            byte[] shorter = packet[..cut];
            bool sampled = keys.Header.TryUnprotect(shorter, 1, out int pnLength);
            Assert.Equal(cut >= 1 + 4 + 16, sampled);
            Assert.False(keys.Aead.TryOpen(shorter, 1 + pnLength, 7));
        }
    }

    [Fact]
    public void Header_protection_covers_the_bits_of_each_form_and_no_others() =>
        Gen.Select(Gen.Byte, Gen.Int[1, 20], Gen.Byte.Array[16]).Sample((first, pnOffset, mask) =>
        {
            byte[] packet = new byte[pnOffset + 30];
            packet[0] = first;
            byte[] before = [.. packet];
            int pnLength = FirstByte.PacketNumberLength(first);

            HeaderKey.Apply(packet, pnOffset, pnLength, mask);

            Assert.Equal(first ^ (mask[0] & (first >= 0x80 ? 0x0f : 0x1f)), packet[0]);
            Assert.Equal(mask[1..(1 + pnLength)], packet[pnOffset..(pnOffset + pnLength)]);
            Assert.Equal(-1, packet.AsSpan(1, pnOffset - 1).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, packet.AsSpan(pnOffset + pnLength).IndexOfAnyExcept((byte)0));
            Assert.Equal(pnLength, HeaderKey.Remove(packet, pnOffset, mask));
            Assert.Equal(before, packet);
        });

    [Fact]
    public void What_is_sealed_and_protected_opens() =>
        Gen.Select(Gen.Byte.Array[32], WireGen.ConnectionId, WireGen.VarInt, Gen.Int[1, 4], Gen.Byte.Array[3, 1400], Gen.Bool).Sample(
            (secret, id, pn, pnLength, payload, keyPhase) =>
            {
                using LevelKeys keys = LevelKeys.FromSecret(secret);
                byte[] packet = new byte[PacketHeaderWriter.ShortLength(id) + pnLength + payload.Length + AeadKey.TagLength];
                var w = new WireWriter(packet);
                PacketHeaderWriter.WriteShort(ref w, id, keyPhase, pnLength);
                int pnOffset = w.Position;
                PacketNumberCodec.Write(ref w, pn, pnLength);
                int headerLength = w.Position;
                w.WriteBytes(payload);
                string header = Hex.Text(packet.AsSpan(0, headerLength));
                keys.Aead.Seal(packet, headerLength, pn);
                keys.Header.Protect(packet, pnOffset, pnLength);

                Assert.True(keys.Header.TryUnprotect(packet, pnOffset, out int foundLength));
                Assert.Equal(pnLength, foundLength);
                Assert.Equal(header, Hex.Text(packet.AsSpan(0, headerLength)));
                Assert.True(keys.Aead.TryOpen(packet, headerLength, pn));
                Assert.Equal(payload, packet[headerLength..^AeadKey.TagLength]);
            });

    [Fact]
    public void A_packet_without_a_sample_is_a_programming_error()
    {
        using LevelKeys keys = LevelKeys.FromSecret(new byte[32]);

        Assert.Throws<InvalidOperationException>(() => keys.Header.Protect(new byte[20], 1, 1));
        keys.Header.Protect(new byte[21], 1, 1);
    }

    /// <summary>Builds an Initial packet from its fields, as the connection does.</summary>
    private static byte[] Build(
        LevelKeys keys,
        in ConnectionId destination,
        in ConnectionId source,
        ulong packetNumber,
        int packetNumberLength,
        byte[] payload,
        string expectedHeader)
    {
        int pnOffset = PacketHeaderWriter.LongLength(PacketType.Initial, destination, source, 0);
        int length = packetNumberLength + payload.Length + AeadKey.TagLength;
        byte[] packet = new byte[pnOffset + length];
        var w = new WireWriter(packet);
        PacketHeaderWriter.WriteLong(ref w, PacketType.Initial, destination, source, [], packetNumberLength, out int lengthOffset);
        PacketNumberCodec.Write(ref w, packetNumber, packetNumberLength);
        int headerLength = w.Position;
        PacketHeaderWriter.PatchLength(packet, lengthOffset, length);
        Assert.Equal(expectedHeader, Hex.Text(w.Written));
        w.WriteBytes(payload);
        keys.Aead.Seal(packet, headerLength, packetNumber);
        keys.Header.Protect(packet, pnOffset, packetNumberLength);
        return packet;
    }
}
