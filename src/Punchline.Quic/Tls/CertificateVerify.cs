namespace Punchline.Quic.Tls;

/// <summary>CertificateVerify (RFC 9846 section 4.5.2): proof that the sender holds the key of its certificate.</summary>
internal static class CertificateVerify
{
    private const int PadLength = 64;
    private const byte Pad = 0x20;

    private static ReadOnlySpan<byte> ClientContext => "TLS 1.3, client CertificateVerify"u8;

    private static ReadOnlySpan<byte> ServerContext => "TLS 1.3, server CertificateVerify"u8;

    /// <summary>The content that is signed.</summary>
    /// <param name="transcriptHash">ClientHello to the sender's Certificate.</param>
    public static byte[] ContentToSign(bool byClient, ReadOnlySpan<byte> transcriptHash)
    {
        var context = byClient ? ClientContext : ServerContext;
        var content = new byte[PadLength + context.Length + 1 + transcriptHash.Length];
        content.AsSpan(0, PadLength).Fill(Pad);
        context.CopyTo(content.AsSpan(PadLength));
        transcriptHash.CopyTo(content.AsSpan(PadLength + context.Length + 1));
        return content;
    }

    /// <summary>Reads the body.</summary>
    public static QuicError? Read(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> signature)
    {
        signature = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt16(out ushort scheme) || !reader.TryReadVector16(out signature) || !reader.IsAtEnd)
            return TlsAlert.DecodeError.Error("a CertificateVerify that is not well formed");
        if (scheme != TlsCodes.EcdsaSecp256r1Sha256)
            return TlsAlert.IllegalParameter.Error("a signature scheme that was not offered");
        return null;
    }

    /// <summary>Writes the message after what the writer holds.</summary>
    public static void Write(TlsWriter writer, ReadOnlySpan<byte> signature)
    {
        using (writer.Message(HandshakeType.CertificateVerify))
        {
            writer.UInt16(TlsCodes.EcdsaSecp256r1Sha256);
            using (writer.Vector16())
                writer.Bytes(signature);
        }
    }
}
