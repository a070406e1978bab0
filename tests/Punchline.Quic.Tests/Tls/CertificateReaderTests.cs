using System.Formats.Asn1;
using System.Numerics;
using CsCheck;
using Punchline.Quic.Tls;
using Xunit;

namespace Punchline.Quic.Tests.Tls;

/// <summary>The DER reader: finds the key in real certificates, and is total.</summary>
public sealed class CertificateReaderTests
{
    private static byte[] Certificate => TlsPair.ServerSigner.Certificate.ToArray();

    [Fact]
    public void Key_is_found_in_our_certificate()
    {
        Assert.True(CertificateReader.TryReadPublicKeyInfo(Certificate, out var keyInfo));
        Assert.Equal(TlsPair.ServerSigner.PublicKeyInfo.ToArray(), keyInfo.ToArray());
    }

    [Fact]
    public void Key_is_found_in_a_certificate_of_another_maker()
    {
        // RFC 8448 section 3: RSA, by NSS. Found, whatever it is; that it is not P-256 is said elsewhere.
        byte[] message = Convert.FromHexString(Rfc8448.Simple.Certificate);
        Assert.Null(CertificateMessage.Read(message.AsSpan(4), out var certificate));
        Assert.True(CertificateReader.TryReadPublicKeyInfo(certificate, out var keyInfo));
        Assert.Equal(162, keyInfo.Length);
        Assert.False(P256Point.TryReadPublicKeyInfo(keyInfo, out _));
    }

    [Fact]
    public void Certificate_cut_anywhere_or_followed_by_a_byte_is_refused()
    {
        byte[] certificate = Certificate;
        for (int length = 0; length < certificate.Length; length++)
            Assert.False(CertificateReader.TryReadPublicKeyInfo(certificate.AsSpan(0, length), out _));
        Assert.False(CertificateReader.TryReadPublicKeyInfo([.. certificate, 0], out _));
    }

    [Fact]
    public void Any_change_of_one_byte_is_read_or_refused_and_never_gives_bytes_from_outside()
    {
        byte[] certificate = Certificate;
        for (int position = 0; position < certificate.Length; position++)
        {
            for (int value = 0; value < 256; value++)
            {
                byte[] changed = [.. certificate];
                changed[position] = (byte)value;
                if (CertificateReader.TryReadPublicKeyInfo(changed, out var keyInfo))
                    Assert.True(changed.AsSpan().Overlaps(keyInfo) || keyInfo.IsEmpty);
            }
        }
    }

    [Fact]
    public void Random_bytes_are_refused_or_read() => Gen.Byte.Array[0, 400].Sample(
        bytes =>
        {
            // Whatever the answer, there is one; a random SEQUENCE of the right shape is beyond chance.
            Assert.False(CertificateReader.TryReadPublicKeyInfo(bytes, out _));
            Span<byte> signature = stackalloc byte[EcdsaSignature.FixedLength];
            Assert.False(EcdsaSignature.TryRead(bytes, signature));
        },
        iter: 20_000, threads: 1, seed: "0000KrPm2Cz4");

    [Theory]
    [InlineData("02", false)]
    [InlineData("0200", true)]
    [InlineData("020105", true)]
    [InlineData("02810105", false)]          // one byte would do
    [InlineData("028000", false)]            // indefinite length
    [InlineData("0282000105", false)]        // a leading zero in the length
    [InlineData("0284ffffffff", false)]      // longer than there is, and negative if narrowed
    [InlineData("0284000000017f", false)]
    [InlineData("02ff", false)]
    [InlineData("1f0100", false)]            // another tag
    public void Lengths_must_be_definite_and_shortest(string hex, bool expected)
    {
        var reader = new DerReader(Convert.FromHexString(hex));
        Assert.Equal(expected, reader.TryRead(DerReader.Integer, out _, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65535)]
    [InlineData(65536)]
    public void Lengths_written_by_the_base_library_are_read(int length)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteBitString(new byte[length]);
        writer.WriteInteger(5);
        var reader = new DerReader(writer.Encode());
        Assert.True(reader.TryRead(DerReader.BitString, out var element, out var content));
        Assert.Equal(length + 1, content.Length);
        Assert.True(element.Length > content.Length);
        Assert.True(reader.TryRead(DerReader.Integer, out _, out content));
        Assert.Equal([5], content.ToArray());
        Assert.True(reader.IsAtEnd);
    }

    [Fact]
    public void Signature_numbers_of_any_length_get_their_fixed_form() => Gen.Byte.Array[1, 32].Sample(
        bytes =>
        {
            var number = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteInteger(number);
                writer.WriteInteger(BigInteger.One);
            }
            byte[] fixedForm = new byte[EcdsaSignature.FixedLength];
            bool read = EcdsaSignature.TryRead(writer.Encode(), fixedForm);
            Assert.Equal(!number.IsZero, read);
            if (read)
            {
                Assert.Equal(number, new BigInteger(fixedForm.AsSpan(0, 32), isUnsigned: true, isBigEndian: true));
                Assert.Equal(1, fixedForm[^1]);
            }
        },
        iter: 1000, threads: 1, seed: "0000KrPm2Cz5");
}
