using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class RetryPacketTests
{
    /// <summary>RFC 9001 appendix A.4.</summary>
    private const string Sample = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";

    private static readonly ConnectionId Original = new(Hex.Bytes("8394c8f03e515708"));

    private static readonly ConnectionId ServerId = new(Hex.Bytes("f067a5502a4262b5"));

    [Fact]
    public void Writes_the_sample_of_the_RFC()
    {
        byte[] packet = new byte[100];

        int length = RetryPacket.Write(packet, default, ServerId, "token"u8, Original);

        Assert.Equal(Sample, Hex.Text(packet.AsSpan(0, length)));
        Assert.Equal(length, RetryPacket.Length(default, ServerId, 5));
    }

    [Fact]
    public void Reads_the_sample_of_the_RFC()
    {
        byte[] packet = Hex.Bytes(Sample);

        Assert.True(PacketHeader.TryRead(packet, 8, out PacketHeader header));

        Assert.Equal(PacketType.Retry, header.Type);
        Assert.Equal(ServerId, header.Source);
        Assert.Equal(0, header.Destination.Length);
        Assert.Equal("token"u8.ToArray(), header.Token.ToArray());
        Assert.Equal(packet.Length, header.PacketLength);
        Assert.True(RetryPacket.Verify(packet, Original));
    }

    [Fact]
    public void Any_altered_bit_and_any_other_original_destination_is_noticed()
    {
        byte[] packet = Hex.Bytes(Sample);
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            byte[] altered = [.. packet];
            altered[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(RetryPacket.Verify(altered, Original));
        }
        for (int cut = 0; cut < packet.Length; cut++)
            Assert.False(RetryPacket.Verify(packet.AsSpan(0, cut), Original));
        Assert.False(RetryPacket.Verify(packet, ServerId));
        Assert.False(RetryPacket.Verify(packet, default));
    }

    [Fact]
    public void Round_trips() => Gen.Select(WireGen.ConnectionId, WireGen.ConnectionId, WireGen.SomeBytes, WireGen.ConnectionId).Sample(
        (destination, source, token, original) =>
        {
            byte[] packet = new byte[RetryPacket.Length(destination, source, token.Length)];
            Assert.Equal(packet.Length, RetryPacket.Write(packet, destination, source, token, original));
            Assert.True(PacketHeader.TryRead(packet, 8, out PacketHeader header));
            Assert.Equal(destination, header.Destination);
            Assert.Equal(source, header.Source);
            Assert.Equal(token, header.Token.ToArray());
            Assert.True(RetryPacket.Verify(packet, original));
        });
}
