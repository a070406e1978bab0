using Punchline.Quic.Tests.Crypto;

namespace Punchline.Lab.Silence;

/// <summary>The attacker's own QUIC is right: else silence would show nothing.</summary>
public sealed class ClientInitialTests
{
    /// <summary>RFC 9001 appendix A.2.</summary>
    [Fact]
    public void It_opens_the_packet_of_the_RFC()
    {
        var opened = ClientInitial.Open(Bytes(Rfc9001Vectors.ClientPacket));
        Assert.NotNull(opened);
        Assert.Equal(Bytes(Rfc9001Vectors.Destination), opened.Destination);
        Assert.Equal(Rfc9001Vectors.ClientPayloadLength, opened.Frames.Length);
        Assert.True(opened.Frames.AsSpan().StartsWith(Bytes(Rfc9001Vectors.ClientCrypto)));
    }

    [Fact]
    public void It_opens_what_it_sealed_and_nothing_else()
    {
        var initial = new ClientInitial(Bytes(Rfc9001Vectors.Destination), [1, 2, 3], [4, 5], new byte[1150]);
        var datagram = initial.Seal();
        var opened = ClientInitial.Open(datagram);
        Assert.NotNull(opened);
        Assert.Equal(initial.Destination, opened.Destination);
        Assert.Equal(initial.Source, opened.Source);
        Assert.Equal(initial.Token, opened.Token);
        Assert.Equal(initial.Frames, opened.Frames);
        datagram[^1] ^= 1;
        Assert.Null(ClientInitial.Open(datagram));
    }

    private static byte[] Bytes(string hexadecimal) => Convert.FromHexString(string.Concat(hexadecimal.Where(c => !char.IsWhiteSpace(c))));
}
