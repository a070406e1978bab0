namespace Punchline.Quic;

/// <summary>The keys under which bytes travel (RFC 9001 section 2.1).</summary>
public enum EncryptionLevel : byte
{
    /// <summary>Keys that everybody can derive from the first connection id.</summary>
    Initial,

    /// <summary>Keys of a resumed session, client to server only.</summary>
    ZeroRtt,

    /// <summary>Keys of the handshake.</summary>
    Handshake,

    /// <summary>Keys of the established connection (1-RTT).</summary>
    Application,
}
