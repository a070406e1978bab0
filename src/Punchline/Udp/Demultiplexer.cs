using System.Buffers.Binary;
using Punchline.Stun;

namespace Punchline.Udp;

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
/// Tells the protocols on one socket apart by their first bytes, as RFC 9443 does, and narrower (docs/wire/stun.md).
/// <code>
/// 0x00 to 0x03  STUN, if its magic cookie stands behind
/// 0x20 to 0x2F  the relay frame: in the range that RFC 9443 leaves to DTLS, which never comes here
/// 0x40 to 0x7F  QUIC, short header
/// 0xC0 to 0xFF  QUIC, long header
/// others        nothing: 0x80 to 0xBF would be QUIC without the QUIC bit, which no peer of ours greases (RFC 9287)
/// </code>
/// </summary>
internal static class Demultiplexer
{
    private const byte LastStun = 0x03;
    private const byte FirstRelay = 0x20;
    private const byte LastRelay = 0x2F;
    private const byte QuicBit = 0x40;

    /// <summary>Classifies a datagram. What lies behind the first bytes is for each protocol to check.</summary>
    public static DatagramKind Classify(ReadOnlySpan<byte> datagram)
    {
        if (datagram.IsEmpty)
            return DatagramKind.Unknown;
        byte first = datagram[0];
        if ((first & QuicBit) != 0)
            return DatagramKind.Quic;
        return first switch
        {
            <= LastStun => datagram.Length >= StunMessage.HeaderLength
                && BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]) == StunMessage.MagicCookie
                ? DatagramKind.Stun
                : DatagramKind.Unknown,
            >= FirstRelay and <= LastRelay => DatagramKind.Relay,
            _ => DatagramKind.Unknown,
        };
    }
}
