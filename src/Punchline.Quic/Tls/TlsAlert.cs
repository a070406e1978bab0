namespace Punchline.Quic.Tls;

/// <summary>
/// The alert descriptions that this implementation raises (RFC 9846 section 6); in QUIC all are fatal (RFC 9001 section 4.8).
/// </summary>
internal enum TlsAlert : byte
{
    UnexpectedMessage = 10,
    HandshakeFailure = 40,
    BadCertificate = 42,
    UnsupportedCertificate = 43,
    CertificateUnknown = 46,
    IllegalParameter = 47,
    DecodeError = 50,
    DecryptError = 51,
    ProtocolVersion = 70,
    MissingExtension = 109,
    UnsupportedExtension = 110,
    CertificateRequired = 116,
    NoApplicationProtocol = 120,
}

/// <summary>Makes a connection error of an alert.</summary>
internal static class TlsAlertError
{
    /// <summary>The alert as a QUIC error.</summary>
    /// <param name="alert">The alert.</param>
    /// <param name="reason">A fixed text: nothing that the peer chose may stand in it.</param>
    public static QuicError Error(this TlsAlert alert, string reason) => QuicError.Alert((byte)alert, reason);
}
