using Punchline.Quic.Crypto;
using Punchline.Quic.Tests.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

public class QuicKeyDerivationTests
{
    [Fact]
    public void Initial_secrets_are_those_of_appendix_A_1()
    {
        byte[] client = new byte[32];
        byte[] server = new byte[32];

        QuicKeyDerivation.InitialSecrets(new ConnectionId(Hex.Bytes(Rfc9001Vectors.Destination)), client, server);

        Assert.Equal(Rfc9001Vectors.ClientInitialSecret, Hex.Text(client));
        Assert.Equal(Rfc9001Vectors.ServerInitialSecret, Hex.Text(server));
    }

    [Theory]
    [InlineData(Rfc9001Vectors.ClientInitialSecret, "quic key", "1f369613dd76d5467730efcbe3b1a22d")]
    [InlineData(Rfc9001Vectors.ClientInitialSecret, "quic iv", "fa044b2f42a3fd3b46fb255c")]
    [InlineData(Rfc9001Vectors.ClientInitialSecret, "quic hp", "9f50449e04a0e810283a1e9933adedd2")]
    [InlineData(Rfc9001Vectors.ServerInitialSecret, "quic key", "cf3a5331653c364c88f0f379b6067e37")]
    [InlineData(Rfc9001Vectors.ServerInitialSecret, "quic iv", "0ac1493ca1905853b0bba03e")]
    [InlineData(Rfc9001Vectors.ServerInitialSecret, "quic hp", "c206b8d9b9f0f37644430b490eeaa314")]
    public void Keys_are_those_of_appendix_A_1(string secret, string label, string expected)
    {
        byte[] output = new byte[expected.Length / 2];

        QuicKeyDerivation.ExpandLabel(Hex.Bytes(secret), label, output);

        Assert.Equal(expected, Hex.Text(output));
    }

    /// <summary>RFC 9001 appendix A.5 derives the next secret with SHA-256 as well; only its packet needs another cipher.</summary>
    [Fact]
    public void The_next_secret_is_that_of_appendix_A_5()
    {
        byte[] next = new byte[32];

        QuicKeyDerivation.NextSecret(Hex.Bytes("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b"), next);

        Assert.Equal("1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9", Hex.Text(next));
    }
}
