namespace Punchline.Quic.Wire;

/// <summary>QUIC versions by their number on the wire (RFC 9000 section 15).</summary>
internal static class QuicVersion
{
    /// <summary>Not a version: the mark of a Version Negotiation packet.</summary>
    public const uint Negotiation = 0;

    /// <summary>QUIC version 1, the one that we speak.</summary>
    public const uint Version1 = 1;
}
