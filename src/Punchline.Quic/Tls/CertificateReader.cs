namespace Punchline.Quic.Tls;

/// <summary>
/// Finds the public key in an X.509 certificate (RFC 5280 section 4.1). All else in it means nothing to us (DESIGN decision 6).
/// </summary>
internal static class CertificateReader
{
    /// <summary>Walks the outer shape to the SubjectPublicKeyInfo.</summary>
    /// <param name="certificate">The DER, untrusted.</param>
    /// <param name="publicKeyInfo">The SubjectPublicKeyInfo with its tag and length; of whatever kind the key is.</param>
    /// <returns>False if the bytes are not shaped like a certificate.</returns>
    public static bool TryReadPublicKeyInfo(ReadOnlySpan<byte> certificate, out ReadOnlySpan<byte> publicKeyInfo)
    {
        publicKeyInfo = default;
        var outer = new DerReader(certificate);
        if (!outer.TryRead(DerReader.Sequence, out _, out var parts) || !outer.IsAtEnd)
            return false;
        // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
        var reader = new DerReader(parts);
        if (!reader.TryRead(DerReader.Sequence, out _, out var toBeSigned)
            || !reader.TryRead(DerReader.Sequence, out _, out _)
            || !reader.TryRead(DerReader.BitString, out _, out _)
            || !reader.IsAtEnd)
            return false;
        // TBSCertificate ::= SEQUENCE { [0] version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, … }
        var fields = new DerReader(toBeSigned);
        if (fields.IsNext(DerReader.Context0) && !fields.TryRead(DerReader.Context0, out _, out _))
            return false;
        return fields.TryRead(DerReader.Integer, out _, out _)
            && fields.TryRead(DerReader.Sequence, out _, out _)
            && fields.TryRead(DerReader.Sequence, out _, out _)
            && fields.TryRead(DerReader.Sequence, out _, out _)
            && fields.TryRead(DerReader.Sequence, out _, out _)
            && fields.TryRead(DerReader.Sequence, out publicKeyInfo, out _);
    }
}
