namespace Punchline.Quic;

/// <summary>A P-256 identity that can sign (ecdsa_secp256r1_sha256), handed in.</summary>
public interface ISigner
{
    /// <summary>The DER of a self-signed X.509 certificate whose SubjectPublicKeyInfo is our key.</summary>
    ReadOnlyMemory<byte> Certificate { get; }

    /// <summary>The 91-byte DER SubjectPublicKeyInfo of the uncompressed P-256 point; its SHA-256 is the peer id.</summary>
    ReadOnlyMemory<byte> PublicKeyInfo { get; }

    /// <summary>Signs: ECDSA over the SHA-256 of the content, DER-encoded (RFC 9846 section 4.3.3).</summary>
    byte[] Sign(ReadOnlySpan<byte> content);
}
