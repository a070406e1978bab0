using System.Buffers.Binary;

namespace Punchline.Stun;

/// <summary>What a datagram on the shared socket is.</summary>
internal enum DatagramKind : byte
{
    /// <summary>Nothing of ours: dropped in silence.</summary>
    Unknown,

    /// <summary>A STUN message, or something that looks like one.</summary>
    Stun,

    /// <summary>A frame from or to a relay.</summary>
    Relay,

    /// <summary>A QUIC packet.</summary>
    Quic,
}

/// <summary>
/// Tells the protocols on one socket apart by their first bytes.
/// <code>
/// 0x00 to 0x03  STUN (RFC 9443 section 2), and its magic cookie from the fifth byte on
/// 0x20 to 0x2F  the relay frame: in the range that RFC 9443 leaves to DTLS, which never comes here
/// 0x40 to 0x7F  QUIC, short header; the QUIC bit is never greased
/// 0x80 to 0xFF  QUIC, long header; with the QUIC bit save for Version Negotiation (RFC 8999 section 6)
/// </code>
/// </summary>
internal static class StunDemux
{
    /// <summary>The first of the relay frame's type bytes.</summary>
    public const byte FirstRelayFrame = 0x20;

    /// <summary>The last of the relay frame's type bytes.</summary>
    public const byte LastRelayFrame = 0x2F;

    private const byte LastStun = 0x03;
    private const byte FirstQuic = 0x40;

    /// <summary>Classifies a datagram. What lies behind the first bytes is for each protocol to check.</summary>
    public static DatagramKind Classify(ReadOnlySpan<byte> datagram)
    {
        if (datagram.IsEmpty)
            return DatagramKind.Unknown;
        return datagram[0] switch
        {
            <= LastStun => datagram.Length >= StunMessage.HeaderLength
                && BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]) == StunMessage.MagicCookie
                ? DatagramKind.Stun
                : DatagramKind.Unknown,
            >= FirstRelayFrame and <= LastRelayFrame => DatagramKind.Relay,
            >= FirstQuic => DatagramKind.Quic,
            _ => DatagramKind.Unknown,
        };
    }
}
