namespace Punchline.Quic.Crypto;

/// <summary>What became of a 1-RTT packet.</summary>
internal enum OpenResult : byte
{
    /// <summary>It is authentic, and its plaintext stands in place.</summary>
    Opened,

    /// <summary>It is not authentic, or its keys are gone: drop it.</summary>
    Failed,

    /// <summary>It is authentic, but the peer used keys in a way that it must not: close with KEY_UPDATE_ERROR.</summary>
    KeyUpdateError,

    /// <summary>Too many packets failed: close with AEAD_LIMIT_REACHED and process no more (RFC 9001 section 6.6).</summary>
    IntegrityLimit,
}
