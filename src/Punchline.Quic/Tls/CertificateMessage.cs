namespace Punchline.Quic.Tls;

/// <summary>Certificate (RFC 9846 section 4.5.1), of which we accept exactly one entry (DESIGN decision 6).</summary>
internal static class CertificateMessage
{
    /// <summary>Reads the body.</summary>
    /// <param name="certificate">The DER of the one certificate; empty if the list is empty.</param>
    public static QuicError? Read(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> certificate)
    {
        certificate = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadVector8(out var context) || !reader.TryReadVector24(out var list) || !reader.IsAtEnd)
            return TlsAlert.DecodeError.Error("a Certificate message that is not well formed");
        // The server's is empty; the client's echoes the request, whose context we leave empty.
        if (!context.IsEmpty)
            return TlsAlert.IllegalParameter.Error("a certificate request context that was not sent");
        if (list.IsEmpty)
            return null;

        var entries = new TlsReader(list);
        if (!entries.TryReadVector24(out certificate) || certificate.IsEmpty || !entries.TryReadVector16(out var block))
            return TlsAlert.DecodeError.Error("a certificate entry that is not well formed");
        // We ask for no certificate extension in either role, so each one is unsolicited.
        var extensions = new ExtensionReader(block, ExtensionPlace.Certificate, default);
        extensions.TryNext(out _, out _);
        if (extensions.Error is { } error)
            return error;
        return entries.IsAtEnd ? null : TlsAlert.UnsupportedCertificate.Error("more than one certificate");
    }

    /// <summary>Writes the message after what the writer holds, without extensions (RFC 9846 section 4.3).</summary>
    /// <param name="certificate">The DER of our certificate, or empty for "none".</param>
    public static void Write(TlsWriter writer, ReadOnlySpan<byte> certificate)
    {
        using (writer.Message(HandshakeType.Certificate))
        {
            writer.Byte(0);                                          // certificate_request_context
            using (writer.Vector24())
            {
                if (certificate.IsEmpty)
                    return;
                using (writer.Vector24())
                    writer.Bytes(certificate);
                writer.UInt16(0);                                    // extensions
            }
        }
    }
}
