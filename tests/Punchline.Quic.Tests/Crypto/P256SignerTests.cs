using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

/// <summary>Identities: keys, certificates, signatures, and the base library's opinion of them.</summary>
public sealed class P256SignerTests
{
    /// <summary>The key of RFC 6979 appendix A.2.5.</summary>
    private const string RfcKey = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

    private static readonly byte[] Content = "what is signed"u8.ToArray();

    [Theory]
    [InlineData(
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")]
    [InlineData(
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083")]
    public void Deterministic_signature_is_that_of_rfc_6979(string message, string r, string s)
    {
        var signer = new DeterministicSigner(Convert.FromHexString(RfcKey));
        Span<byte> fixedForm = stackalloc byte[EcdsaSignature.FixedLength];
        Assert.True(EcdsaSignature.TryRead(signer.Sign(Encoding.ASCII.GetBytes(message)), fixedForm));
        Assert.Equal(r + s, Convert.ToHexStringLower(fixedForm));
        Assert.EndsWith(
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                + "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
            Convert.ToHexStringLower(signer.PublicKeyInfo.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void Deterministic_signer_repeats_certificate_and_signature()
    {
        var first = DeterministicSigner.Create(new SeededRandomness(3));
        var again = DeterministicSigner.Create(new SeededRandomness(3));
        Assert.Equal(first.Certificate.ToArray(), again.Certificate.ToArray());
        Assert.Equal(first.Sign(Content), again.Sign(Content));
        Assert.NotEqual(first.Sign(Content), first.Sign([1]));
    }

    [Fact]
    public void Deterministic_signatures_verify_with_the_base_library()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var signer = DeterministicSigner.Create(new SeededRandomness(seed));
            using var key = ImportPublic(signer);
            Assert.True(key.VerifyData(Content, signer.Sign(Content), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }

    [Fact]
    public void Signature_verifies_and_no_other_does()
    {
        using var signer = P256Signer.Create(new SeededRandomness(1));
        byte[] signature = signer.Sign(Content);
        Assert.True(PeerAuthentication.VerifySignature(signer.PublicKeyInfo.Span, Content, signature));
        Assert.False(PeerAuthentication.VerifySignature(signer.PublicKeyInfo.Span, [1], signature));
        using var other = P256Signer.Create(new SeededRandomness(2));
        Assert.False(PeerAuthentication.VerifySignature(other.PublicKeyInfo.Span, Content, signature));
        for (int i = 0; i < signature.Length; i++)
        {
            byte[] changed = [.. signature];
            changed[i] ^= 0x40;
            Assert.False(PeerAuthentication.VerifySignature(signer.PublicKeyInfo.Span, Content, changed));
        }
    }

    [Fact]
    public void Signature_numbers_out_of_range_do_not_verify()
    {
        using var signer = P256Signer.Create(new SeededRandomness(1));
        byte[][] numbers = [P256Point.Order.ToArray(), [.. Enumerable.Repeat((byte)0xff, 32)], [1, .. new byte[32]]];
        foreach (byte[] number in numbers)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteIntegerUnsigned(number);
                writer.WriteIntegerUnsigned(number);
            }
            Assert.False(PeerAuthentication.VerifySignature(signer.PublicKeyInfo.Span, Content, writer.Encode()));
        }
    }

    [Fact]
    public void Certificate_is_self_signed_and_says_nothing_of_anyone()
    {
        using var signer = P256Signer.Create(SystemRandomness.Instance);
        using var certificate = X509CertificateLoader.LoadCertificate(signer.Certificate.Span);
        Assert.Equal("CN=punchline", certificate.Subject);
        Assert.Equal("CN=punchline", certificate.Issuer);
        Assert.Equal("01", certificate.SerialNumber);
        Assert.Equal(3, certificate.Version);
        Assert.Equal(2000, certificate.NotBefore.ToUniversalTime().Year);
        Assert.Equal(9999, certificate.NotAfter.ToUniversalTime().Year);
        Assert.Equal("1.2.840.10045.4.3.2", certificate.SignatureAlgorithm.Value);
        Assert.Equal(signer.PublicKeyInfo.ToArray(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, Assert.Single(certificate.Extensions.OfType<X509KeyUsageExtension>()).KeyUsages);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        Assert.True(chain.Build(certificate), string.Join(", ", chain.ChainStatus.Select(s => s.StatusInformation)));
    }

    [Fact]
    public void Certificates_of_two_identities_differ_in_key_and_signature_alone()
    {
        var first = DeterministicSigner.Create(new SeededRandomness(1));
        var second = DeterministicSigner.Create(new SeededRandomness(2));
        Assert.Equal(WithoutKey(first), WithoutKey(second));

        static string WithoutKey(ISigner signer)
        {
            var outer = new AsnReader(signer.Certificate, AsnEncodingRules.DER).ReadSequence();
            string toBeSigned = Convert.ToHexString(outer.ReadEncodedValue().Span);
            return toBeSigned.Replace(Convert.ToHexString(signer.PublicKeyInfo.Span), "", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Key_persists_in_both_forms()
    {
        using var signer = P256Signer.Create(SystemRandomness.Instance);
        byte[] scalar = signer.ExportPrivateKey();
        Assert.Equal(P256Signer.PrivateKeyLength, scalar.Length);
        using var fromScalar = new P256Signer(scalar);
        using var fromPkcs8 = P256Signer.ImportPkcs8(signer.ExportPkcs8());
        Assert.Equal(signer.PublicKeyInfo.ToArray(), fromScalar.PublicKeyInfo.ToArray());
        Assert.Equal(signer.PublicKeyInfo.ToArray(), fromPkcs8.PublicKeyInfo.ToArray());
        Assert.Equal(scalar, fromPkcs8.ExportPrivateKey());
    }

    [Fact]
    public void Scalar_with_leading_zeros_keeps_its_length()
    {
        byte[] scalar = [.. new byte[31], 1];
        using var signer = new P256Signer(scalar);
        Assert.Equal(scalar, signer.ExportPrivateKey());
        Assert.True(PeerAuthentication.VerifySignature(signer.PublicKeyInfo.Span, Content, signer.Sign(Content)));
    }

    [Fact]
    public void What_is_no_key_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new P256Signer(new byte[32]));
        Assert.Throws<ArgumentException>(() => new P256Signer(P256Point.Order));
        Assert.Throws<ArgumentException>(() => new P256Signer(new byte[31]));
        Assert.ThrowsAny<CryptographicException>(() => P256Signer.ImportPkcs8([1, 2, 3]));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        byte[] pkcs8 = other.ExportPkcs8PrivateKey();
        Assert.ThrowsAny<CryptographicException>(() => P256Signer.ImportPkcs8(pkcs8));
        using var good = P256Signer.Create(new SeededRandomness(1));
        byte[] trailing = [.. good.ExportPkcs8(), 0];
        Assert.ThrowsAny<CryptographicException>(() => P256Signer.ImportPkcs8(trailing));
    }

    [Fact]
    public void Peer_id_is_the_hash_of_the_key_info()
    {
        using var signer = P256Signer.Create(new SeededRandomness(1));
        Assert.Equal(SHA256.HashData(signer.PublicKeyInfo.Span), PeerIdentity.ComputeId(signer.PublicKeyInfo.Span));
        Assert.ThrowsAny<ArgumentException>(() => PeerIdentity.ComputeId(new byte[90]));
    }

    [Fact]
    public void Seeded_streams_repeat_and_do_not_disturb_each_other()
    {
        var plain = new SeededRandomness(7);
        var mixed = new SeededRandomness(7);
        byte[] expected = new byte[100];
        byte[] actual = new byte[100];
        byte[] secret = new byte[100];
        plain.FillPublic(expected);
        mixed.FillSecret(secret);
        _ = mixed.NextUInt64();
        mixed.FillPublic(actual);
        Assert.Equal(expected, actual);
        Assert.NotEqual(expected, secret);
        Assert.NotEqual(new SeededRandomness(8).NextUInt64(), new SeededRandomness(7).NextUInt64());
        Assert.Equal(plain.Fork(1).NextUInt64(), mixed.Fork(1).NextUInt64());
        Assert.NotEqual(plain.Fork(1).NextUInt64(), plain.Fork(2).NextUInt64());
        var counts = new int[10];
        for (int i = 0; i < 10_000; i++)
            counts[mixed.NextInt(10)]++;
        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
    }

    private static ECDsa ImportPublic(DeterministicSigner signer)
    {
        var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(signer.PublicKeyInfo.Span, out _);
        return key;
    }
}
