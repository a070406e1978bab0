using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>
/// Who the peer is (DESIGN decision 6; RFC 9001 section 4.4): the key of its one certificate, whose id is compared first, and of which
/// CertificateVerify then proves possession. Nothing is known of the peer before that proof. In a resumed
/// session the proof is that of the connection that gave the ticket: whoever has the ticket's key was verified there.
/// </summary>
internal sealed class PeerAuthentication(TlsOptions options)
{
    private byte[] _claimedKeyInfo = [];
    private byte[] _claimedId = [];

    /// <summary>The SHA-256 of the peer's public key; empty until the peer has proved that it holds the key.</summary>
    public ReadOnlyMemory<byte> PeerId { get; private set; }

    /// <summary>The peer resumed a session, and has proved so: it is who it was then.</summary>
    public void OnResumed(byte[] peerId) => PeerId = peerId;

    /// <summary>Takes the body of the peer's Certificate message: its key must be of our one kind (RFC 9846 sections 4.3.3 and 4.5.1.2).</summary>
    public QuicError? OnCertificate(ReadOnlySpan<byte> body)
    {
        if (CertificateMessage.Read(body, out var certificate) is { } error)
            return error;
        if (certificate.IsEmpty)
        {
            // RFC 9846 section 4.5.1.3: the two sides' alerts differ.
            return options.IsClient
                ? TlsAlert.DecodeError.Error("the server sent no certificate")
                : TlsAlert.CertificateRequired.Error("the client sent no certificate");
        }
        if (!CertificateReader.TryReadPublicKeyInfo(certificate, out var keyInfo))
            return TlsAlert.BadCertificate.Error("a certificate that is not well formed");
        if (!P256Point.TryReadPublicKeyInfo(keyInfo, out _))
            return TlsAlert.UnsupportedCertificate.Error("a certificate whose key is not an uncompressed P-256 point");

        _claimedKeyInfo = keyInfo.ToArray();
        _claimedId = PeerIdentity.ComputeId(keyInfo);
        if (!options.ExpectedPeerId.IsEmpty && !options.ExpectedPeerId.Span.SequenceEqual(_claimedId))
            return TlsAlert.CertificateUnknown.Error("the peer is not the one that is expected");
        return null;
    }

    /// <summary>Takes the body of the peer's CertificateVerify (RFC 9846 section 4.5.2).</summary>
    /// <param name="transcriptHash">Up to the peer's Certificate.</param>
    public QuicError? OnCertificateVerify(ReadOnlySpan<byte> body, ReadOnlySpan<byte> transcriptHash)
    {
        if (CertificateVerify.Read(body, out var signature) is { } error)
            return error;
        byte[] content = CertificateVerify.ContentToSign(byClient: !options.IsClient, transcriptHash);
        if (!VerifySignature(_claimedKeyInfo, content, signature))
            return TlsAlert.DecryptError.Error("the peer's CertificateVerify is not by its key");
        PeerId = _claimedId;
        return null;
    }

    /// <summary>
    /// Checks an ECDSA signature by a key that <see cref="P256Point.TryReadPublicKeyInfo"/> accepted. Never throws on a bad
    /// signature.
    /// </summary>
    internal static bool VerifySignature(ReadOnlySpan<byte> publicKeyInfo, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        Span<byte> fixedSignature = stackalloc byte[EcdsaSignature.FixedLength];
        if (!P256Point.TryReadPublicKeyInfo(publicKeyInfo, out var point) || !EcdsaSignature.TryRead(signature, fixedSignature))
            return false;
        using var key = ECDsa.Create(P256Point.ToParameters(point));
        return key.VerifyData(content, fixedSignature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }
}
