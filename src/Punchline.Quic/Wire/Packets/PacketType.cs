namespace Punchline.Quic.Wire;

/// <summary>What a packet is, as far as its first bytes say.</summary>
internal enum PacketType : byte
{
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    OneRtt,

    /// <summary>A long header of a version that is not ours: nothing is known but what RFC 8999 promises.</summary>
    UnknownVersion,
}
