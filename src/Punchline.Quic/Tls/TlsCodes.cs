namespace Punchline.Quic.Tls;

/// <summary>Handshake message types (RFC 9846 section 4, appendix B), without those of older versions.</summary>
internal enum HandshakeType : byte
{
    ClientHello = 1,
    ServerHello = 2,
    NewSessionTicket = 4,
    EncryptedExtensions = 8,
    Certificate = 11,
    CertificateRequest = 13,
    CertificateVerify = 15,
    Finished = 20,
    KeyUpdate = 24,
    MessageHash = 254,
}

/// <summary>The extensions that this implementation recognises (RFC 9846 section 4.3, RFC 9001 section 8.2).</summary>
internal enum ExtensionType : ushort
{
    ServerName = 0,
    SupportedGroups = 10,
    SignatureAlgorithms = 13,
    ApplicationLayerProtocolNegotiation = 16,
    Padding = 21,
    PreSharedKey = 41,
    EarlyData = 42,
    SupportedVersions = 43,
    Cookie = 44,
    PskKeyExchangeModes = 45,
    CertificateAuthorities = 47,
    OidFilters = 48,
    PostHandshakeAuth = 49,
    SignatureAlgorithmsCert = 50,
    KeyShare = 51,
    QuicTransportParameters = 57,
}

/// <summary>The code points of the one version, cipher suite and signature scheme that we speak (DESIGN decision 2).</summary>
internal static class TlsCodes
{
    /// <summary>legacy_version in both hellos (RFC 9846 sections 4.2.2, 4.2.3, appendix E.5).</summary>
    public const ushort LegacyVersion = 0x0303;

    /// <summary>TLS 1.3 in supported_versions.</summary>
    public const ushort Tls13 = 0x0304;

    /// <summary>TLS_AES_128_GCM_SHA256 (RFC 9846 section 9.1, appendices B.4 and E.5), for which header protection is defined (RFC 9001 sections 5.3 and 5.4).</summary>
    public const ushort Aes128GcmSha256 = 0x1301;

    /// <summary>ecdsa_secp256r1_sha256 (RFC 9846 section 4.3.3).</summary>
    public const ushort EcdsaSecp256r1Sha256 = 0x0403;

    /// <summary>psk_dhe_ke (RFC 9846 section 4.3.9): the one mode that keeps forward secrecy, and the only one we take part in.</summary>
    public const byte PskWithDiffieHellman = 1;

    /// <summary>The length of a hello's random, in bytes.</summary>
    public const int RandomLength = 32;

    /// <summary>The output of SHA-256, in bytes: every hash, secret and verify_data of our one cipher suite.</summary>
    public const int HashLength = 32;

    /// <summary>The random by which a ServerHello says that it is a HelloRetryRequest (RFC 9846 section 4.2.3).</summary>
    public static ReadOnlySpan<byte> HelloRetryRequestRandom =>
    [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];
}
