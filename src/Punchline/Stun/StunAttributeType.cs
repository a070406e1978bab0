namespace Punchline.Stun;

/// <summary>The attributes that we read or write (RFC 8489 section 14, RFC 5780 section 7).</summary>
internal enum StunAttributeType : ushort
{
    /// <summary>The reflexive address in clear; some NATs rewrite it.</summary>
    MappedAddress = 0x0001,

    /// <summary>Asks for an answer from another address or port.</summary>
    ChangeRequest = 0x0003,

    /// <summary>A user's name.</summary>
    Username = 0x0006,

    /// <summary>HMAC-SHA1 of the message so far.</summary>
    MessageIntegrity = 0x0008,

    /// <summary>What was wrong.</summary>
    ErrorCode = 0x0009,

    /// <summary>Which attributes the server did not understand.</summary>
    UnknownAttributes = 0x000A,

    /// <summary>The realm of a long-term credential.</summary>
    Realm = 0x0014,

    /// <summary>The nonce of a long-term credential.</summary>
    Nonce = 0x0015,

    /// <summary>HMAC-SHA256 of the message so far.</summary>
    MessageIntegritySha256 = 0x001C,

    /// <summary>How a long-term credential's key is made.</summary>
    PasswordAlgorithm = 0x001D,

    /// <summary>The hash of a user's name.</summary>
    Userhash = 0x001E,

    /// <summary>The reflexive address, hidden from NATs by the magic cookie.</summary>
    XorMappedAddress = 0x0020,

    /// <summary>Asks for the answer to another port of the source's address (RFC 5780 section 7.5).</summary>
    ResponsePort = 0x0027,

    /// <summary>The program's name.</summary>
    Software = 0x8022,

    /// <summary>CRC-32 of the message so far; always the last one.</summary>
    Fingerprint = 0x8028,

    /// <summary>The address that the response was sent from (RFC 5780).</summary>
    ResponseOrigin = 0x802B,

    /// <summary>The server's other address and port (RFC 5780).</summary>
    OtherAddress = 0x802C,
}

/// <summary>What the number of an attribute says of itself.</summary>
internal static class StunAttributeTypes
{
    /// <summary>Whoever does not know an attribute below 0x8000 must not act on the message (RFC 8489 section 14).</summary>
    public static bool IsComprehensionRequired(this StunAttributeType type) => (ushort)type < 0x8000;
}
