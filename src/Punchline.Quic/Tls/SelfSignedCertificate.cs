using System.Formats.Asn1;

namespace Punchline.Quic.Tls;

/// <summary>
/// Writes the certificate that carries a key through TLS (RFC 5280 section 4.1). Peers of ours read nothing in it but the key
/// (DESIGN decision 6); the rest is fixed, says nothing about anyone, and is correct enough for other implementations.
/// </summary>
internal static class SelfSignedCertificate
{
    private const string CommonName = "punchline";
    /// <summary>RFC 9846 section 4.5.1.3 wants SHA-256 or better.</summary>
    private const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";
    private const string CommonNameOid = "2.5.4.3";
    private const string KeyUsageOid = "2.5.29.15";
    private const int Version3 = 2;

    private static readonly DateTimeOffset NotBefore = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>RFC 5280 section 4.1.2.5: "no well-defined expiration date".</summary>
    private static readonly DateTimeOffset NotAfter = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private static readonly Asn1Tag VersionTag = new(TagClass.ContextSpecific, 0, isConstructed: true);
    private static readonly Asn1Tag ExtensionsTag = new(TagClass.ContextSpecific, 3, isConstructed: true);

    /// <summary>Signs content: ECDSA with SHA-256, DER.</summary>
    internal delegate byte[] SignContent(ReadOnlySpan<byte> content);

    /// <summary>Makes the certificate.</summary>
    /// <param name="publicKeyInfo">The 91-byte SubjectPublicKeyInfo.</param>
    /// <param name="sign">Signs with the key that belongs to it.</param>
    public static byte[] Create(ReadOnlySpan<byte> publicKeyInfo, SignContent sign)
    {
        byte[] toBeSigned = WriteToBeSigned(publicKeyInfo);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(toBeSigned);
            WriteAlgorithm(writer);
            writer.WriteBitString(sign(toBeSigned));
        }
        return writer.Encode();
    }

    private static byte[] WriteToBeSigned(ReadOnlySpan<byte> publicKeyInfo)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(VersionTag))
                writer.WriteInteger(Version3);
            writer.WriteInteger(1);                                  // serialNumber
            WriteAlgorithm(writer);
            WriteName(writer);                                       // issuer
            using (writer.PushSequence())
            {
                writer.WriteUtcTime(NotBefore);
                writer.WriteGeneralizedTime(NotAfter, omitFractionalSeconds: true);
            }
            WriteName(writer);                                       // subject
            writer.WriteEncodedValue(publicKeyInfo);
            using (writer.PushSequence(ExtensionsTag))
            using (writer.PushSequence())
                WriteKeyUsage(writer);
        }
        return writer.Encode();
    }

    private static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence())
            writer.WriteObjectIdentifier(EcdsaWithSha256);
    }

    private static void WriteName(AsnWriter writer)
    {
        using (writer.PushSequence())
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(CommonNameOid);
            writer.WriteCharacterString(UniversalTagNumber.UTF8String, CommonName);
        }
    }

    /// <summary>digitalSignature (RFC 9846 section 4.5.1.2), critical.</summary>
    private static void WriteKeyUsage(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(KeyUsageOid);
            writer.WriteBoolean(true);
            writer.WriteOctetString([(byte)UniversalTagNumber.BitString, 2, 7, 0x80]);
        }
    }
}
