namespace Punchline.Quic;

/// <summary>Transport error codes (RFC 9000 section 20.1).</summary>
public enum TransportErrorCode : ulong
{
    /// <summary>The connection is closed without an error.</summary>
    NoError = 0x00,

    /// <summary>The endpoint cannot go on for a reason of its own.</summary>
    InternalError = 0x01,

    /// <summary>The server takes no new connections.</summary>
    ConnectionRefused = 0x02,

    /// <summary>More data than flow control allows.</summary>
    FlowControlError = 0x03,

    /// <summary>More streams than allowed.</summary>
    StreamLimitError = 0x04,

    /// <summary>A frame for a stream in a state that does not permit it.</summary>
    StreamStateError = 0x05,

    /// <summary>Data beyond a stream's final size, or a final size that changed.</summary>
    FinalSizeError = 0x06,

    /// <summary>A frame that is badly formatted.</summary>
    FrameEncodingError = 0x07,

    /// <summary>Transport parameters that are badly formatted, missing, or forbidden.</summary>
    TransportParameterError = 0x08,

    /// <summary>More connection ids than the limit that we set.</summary>
    ConnectionIdLimitError = 0x09,

    /// <summary>A breach that no more specific code names.</summary>
    ProtocolViolation = 0x0a,

    /// <summary>A client's Initial has a token that is not valid.</summary>
    InvalidToken = 0x0b,

    /// <summary>The application ended the connection before it was established.</summary>
    ApplicationError = 0x0c,

    /// <summary>More CRYPTO data than the endpoint can buffer.</summary>
    CryptoBufferExceeded = 0x0d,

    /// <summary>Errors in key updates.</summary>
    KeyUpdateError = 0x0e,

    /// <summary>The confidentiality or integrity limit of the AEAD is reached (RFC 9001 section 6.6).</summary>
    AeadLimitReached = 0x0f,

    /// <summary>No path to the peer is viable.</summary>
    NoViablePath = 0x10,

    /// <summary>The first of 256 codes that carry a TLS alert in the low byte (RFC 9001 section 4.8).</summary>
    CryptoErrorBase = 0x0100,
}
