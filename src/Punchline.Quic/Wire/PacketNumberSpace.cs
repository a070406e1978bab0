namespace Punchline.Quic;

/// <summary>The three packet number spaces (RFC 9000 section 12.3).</summary>
public enum PacketNumberSpace : byte
{
    /// <summary>Initial packets.</summary>
    Initial,

    /// <summary>Handshake packets.</summary>
    Handshake,

    /// <summary>0-RTT and 1-RTT packets.</summary>
    Application,
}
