using System.Security.Cryptography;
using CsCheck;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

/// <summary>secp256r1 key agreement and the forms of a point that it refuses.</summary>
public sealed class P256KeyExchangeTests
{
    private const string Prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

    private static P256KeyExchange Seeded(ulong seed) => new(new SeededRandomness(seed));

    [Fact]
    public void Both_sides_find_the_same_secret()
    {
        using var client = Seeded(1).CreateShare();
        Assert.True(Seeded(2).TryRespond(client.PublicBytes, out byte[] serverShare, out byte[] serverSecret));
        Assert.True(client.TryFinish(serverShare, out byte[] clientSecret));
        Assert.Equal(serverSecret, clientSecret);
        Assert.Equal(32, clientSecret.Length);
        Assert.Equal(65, serverShare.Length);
    }

    [Fact]
    public void Agreement_of_rfc_5903_section_8_1()
    {
        // The published exchange on the 256-bit group of IKE, which is P-256; the private keys are what the randomness gives.
        using var i = new P256KeyExchange(new Scalar("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433")).CreateShare();
        using var r = new P256KeyExchange(new Scalar("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53")).CreateShare();
        Assert.Equal(
            "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
                + "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
            Convert.ToHexStringLower(i.PublicBytes));
        Assert.True(i.TryFinish(r.PublicBytes, out byte[] secret));
        Assert.Equal("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de", Convert.ToHexStringLower(secret));
    }

    [Fact]
    public void One_seed_gives_one_share_and_another_seed_another()
    {
        using var first = Seeded(5).CreateShare();
        using var again = Seeded(5).CreateShare();
        using var other = Seeded(6).CreateShare();
        Assert.Equal(first.PublicBytes.ToArray(), again.PublicBytes.ToArray());
        Assert.NotEqual(first.PublicBytes.ToArray(), other.PublicBytes.ToArray());
    }

    [Fact]
    public void Every_share_is_new()
    {
        var exchange = Seeded(5);
        using var first = exchange.CreateShare();
        using var second = exchange.CreateShare();
        Assert.NotEqual(first.PublicBytes.ToArray(), second.PublicBytes.ToArray());
    }

    [Theory]
    [InlineData("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")]   // the order
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    public void Scalar_out_of_range_is_drawn_again(string bad)
    {
        var randomness = new Scalar(bad, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
        using var share = new P256KeyExchange(randomness).CreateShare();
        Assert.StartsWith("04dad0b65394", Convert.ToHexStringLower(share.PublicBytes), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_forms_of_a_point_are_refused()
    {
        using var share = Seeded(1).CreateShare();
        using var own = Seeded(2).CreateShare();
        byte[] good = share.PublicBytes.ToArray();
        byte[] compressed = [(byte)(2 + (good[64] & 1)), .. good[1..33]];
        byte[] hybrid = [(byte)(6 + (good[64] & 1)), .. good[1..]];
        byte[] infinity = [0];
        byte[] zeros = [4, .. new byte[64]];
        byte[] xTooBig = [4, .. Convert.FromHexString(Prime), .. good[33..]];
        byte[] yTooBig = [4, .. good[1..33], .. Convert.FromHexString(Prime)];
        byte[] offCurve = [.. good[..^1], (byte)(good[^1] ^ 1)];
        byte[][] wrong =
            [[], infinity, zeros, compressed, hybrid, xTooBig, yTooBig, offCurve, good[..64], [.. good, 0], good[1..]];
        foreach (byte[] bad in wrong)
        {
            Assert.False(own.TryFinish(bad, out byte[] secret));
            Assert.Empty(secret);
            Assert.False(Seeded(3).TryRespond(bad, out byte[] serverShare, out secret));
            Assert.Empty(serverShare);
            Assert.Empty(secret);
        }
        Assert.True(own.TryFinish(good, out _));
    }

    [Fact]
    public void Curve_check_agrees_with_the_base_library()
    {
        // Points that differ from a good one in one bit are nearly never on the curve; the base library is the second opinion.
        using var share = Seeded(9).CreateShare();
        byte[] good = share.PublicBytes.ToArray();
        Gen.Int[8, 65 * 8 - 1].Sample(
            bit =>
            {
                byte[] point = [.. good];
                point[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Equal(BaseLibraryTakes(point), P256Point.IsValid(point));
            },
            iter: 200, threads: 1, seed: "0000KrPm2Cz3");
        Assert.True(BaseLibraryTakes(good));
        Assert.True(P256Point.IsValid(good));
    }

    private static bool BaseLibraryTakes(byte[] point)
    {
        try
        {
            using var key = ECDsa.Create(P256Point.ToParameters(point));
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Gives the listed scalars in turn.</summary>
    private sealed class Scalar(params string[] values) : IRandomness
    {
        private int _next;

        public void FillPublic(Span<byte> destination) => throw new NotSupportedException();

        public void FillSecret(Span<byte> destination) => Convert.FromHexString(values[_next++]).CopyTo(destination);
    }
}
