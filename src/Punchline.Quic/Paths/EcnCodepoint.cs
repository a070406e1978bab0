namespace Punchline.Quic;

/// <summary>The ECN codepoint of a received datagram (RFC 3168 section 5).</summary>
public enum EcnCodepoint : byte
{
    /// <summary>Not marked, or not known.</summary>
    NotEct = 0b00,

    /// <summary>ECT(1).</summary>
    Ect1 = 0b01,

    /// <summary>ECT(0).</summary>
    Ect0 = 0b10,

    /// <summary>Congestion experienced.</summary>
    Ce = 0b11,
}
