namespace Punchline.Quic.Tls;

/// <summary>CertificateRequest (RFC 9846 section 4.4.2): the server wants to know the client's key.</summary>
internal static class CertificateRequest
{
    /// <summary>Reads the body.</summary>
    /// <param name="canSatisfy">True if our one signature scheme is among those that the server takes (RFC 9846 section 4.5.2).</param>
    public static QuicError? Read(ReadOnlySpan<byte> body, out bool canSatisfy)
    {
        canSatisfy = false;
        var reader = new TlsReader(body);
        if (!reader.TryReadVector8(out var context) || !reader.TryReadVector16(out var block) || !reader.IsAtEnd)
            return TlsAlert.DecodeError.Error("a CertificateRequest that is not well formed");
        // Only post-handshake authentication, which QUIC forbids, uses a context.
        if (!context.IsEmpty)
            return TlsAlert.IllegalParameter.Error("a certificate request context in the handshake");

        bool hasSchemes = false;
        var extensions = new ExtensionReader(block, ExtensionPlace.CertificateRequest, default);
        while (extensions.TryNext(out var type, out var data))
        {
            if (type != ExtensionType.SignatureAlgorithms)
                continue;
            var schemeReader = new TlsReader(data);
            if (!schemeReader.TryReadVector16(out var schemes) || !schemeReader.IsAtEnd || schemes.IsEmpty || schemes.Length % 2 != 0)
                return TlsAlert.DecodeError.Error("signature_algorithms that are not well formed");
            hasSchemes = true;
            canSatisfy = ClientHello.ContainsCode(schemes, TlsCodes.EcdsaSecp256r1Sha256);
        }
        if (extensions.Error is { } error)
            return error;
        return hasSchemes ? null : TlsAlert.MissingExtension.Error("a CertificateRequest without signature_algorithms");
    }

    /// <summary>Writes the message after what the writer holds.</summary>
    public static void Write(TlsWriter writer)
    {
        using (writer.Message(HandshakeType.CertificateRequest))
        {
            writer.Byte(0);                                          // certificate_request_context
            using (writer.Vector16())
            using (writer.Extension(ExtensionType.SignatureAlgorithms))
            using (writer.Vector16())
                writer.UInt16(TlsCodes.EcdsaSecp256r1Sha256);
        }
    }
}
