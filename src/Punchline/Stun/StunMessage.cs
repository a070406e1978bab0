using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Stun;

/// <summary>The class of a message (RFC 8489 section 5).</summary>
internal enum StunClass : byte
{
    /// <summary>Wants a response.</summary>
    Request = 0,

    /// <summary>Wants none.</summary>
    Indication = 1,

    /// <summary>The request was done.</summary>
    Success = 2,

    /// <summary>The request was refused.</summary>
    Error = 3,
}

/// <summary>What FINGERPRINT says of a message.</summary>
internal enum StunFingerprint : byte
{
    /// <summary>There is none.</summary>
    Absent,

    /// <summary>It is right.</summary>
    Valid,

    /// <summary>It is wrong, or not the last attribute: not a STUN message after all.</summary>
    Invalid,
}

/// <summary>
/// A received STUN message (RFC 8489 section 5), read in place. Whatever <see cref="TryRead"/> has let through has attributes that
/// lie within it.
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |0 0|     STUN Message Type     |         Message Length        |
/// |                   Magic Cookie = 0x2112A442                   |
/// |                                                               |
/// |                     Transaction ID (96 bits)                  |
/// |                                                               |
/// </code>
/// </summary>
internal readonly ref struct StunMessage
{
    /// <summary>The second word of every message.</summary>
    public const uint MagicCookie = 0x2112_A442;

    /// <summary>Bytes before the first attribute.</summary>
    public const int HeaderLength = 20;

    /// <summary>
    /// The longest message that we read or write. A request must not exceed what every path takes: 1,280 bytes of IPv6 with its
    /// headers (RFC 8489 section 6.1); a longer one is not meant for us.
    /// </summary>
    public const int MaxLength = 1232;

    /// <summary>The method Binding (RFC 8489 section 18.2), the only one that we speak.</summary>
    public const ushort Binding = 0x001;

    /// <summary>Bytes of an attribute's type and length.</summary>
    internal const int AttributeHeaderLength = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private StunMessage(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Request, indication, success or error.</summary>
    public StunClass Class => (StunClass)(((Type >> 7) & 0b10) | ((Type >> 4) & 0b01));

    /// <summary>The method, 12 bits.</summary>
    public ushort Method => (ushort)((Type & 0x000F) | ((Type & 0x00E0) >> 1) | ((Type & 0x3E00) >> 2));

    /// <summary>The transaction id.</summary>
    public StunTransactionId TransactionId => StunTransactionId.Read(_bytes[8..]);

    /// <summary>The whole message.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    private int Type => BinaryPrimitives.ReadUInt16BigEndian(_bytes);

    /// <summary>Class and method in the message type, whose bits lie interleaved (RFC 8489 section 5, figure 3).</summary>
    public static ushort TypeOf(StunClass @class, ushort method) => (ushort)(
        (((int)@class & 0b10) << 7) | (((int)@class & 0b01) << 4)
        | (method & 0x000F) | ((method & 0x0070) << 1) | ((method & 0x0F80) << 2));

    /// <summary>Reads a datagram that is one STUN message from its first byte to its last (RFC 8489 section 6.3).</summary>
    /// <returns>False if it is none. Never throws.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out StunMessage message)
    {
        message = default;
        if (datagram.Length is < HeaderLength or > MaxLength)
            return false;
        // The most significant 2 bits of every STUN message MUST be zeroes; the last 2 bits of the length are always zero.
        if (datagram[0] >> 6 != 0 || (datagram.Length & 3) != 0)
            return false;
        if (BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]) != MagicCookie)
            return false;
        if (BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]) != datagram.Length - HeaderLength)
            return false;
        for (ReadOnlySpan<byte> rest = datagram[HeaderLength..]; !rest.IsEmpty;)
        {
            // Both lengths are multiples of 4, so a rest that is not empty has a header.
            int padded = PaddedLength(BinaryPrimitives.ReadUInt16BigEndian(rest[2..]));
            if (padded > rest.Length - AttributeHeaderLength)
                return false;
            rest = rest[(AttributeHeaderLength + padded)..];
        }
        message = new StunMessage(datagram);
        return true;
    }

    /// <summary>The attributes that count, in order; see <see cref="StunAttributes"/>.</summary>
    public StunAttributes GetEnumerator() => new(_bytes);

    /// <summary>Finds an attribute. If it appears more than once, the first counts (RFC 8489 section 14).</summary>
    public bool TryFind(StunAttributeType type, out StunAttribute attribute)
    {
        foreach (StunAttribute candidate in this)
        {
            if (candidate.Type != type)
                continue;
            attribute = candidate;
            return true;
        }
        attribute = default;
        return false;
    }

    /// <summary>Reads an attribute that is an address in clear.</summary>
    public bool TryFindAddress(StunAttributeType type, out UdpAddress address)
    {
        address = default;
        return TryFind(type, out StunAttribute attribute) && StunAddress.TryRead(attribute.Value, out address);
    }

    /// <summary>The reflexive address: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS, which is all that servers of RFC 3489 have.</summary>
    public bool TryFindMappedAddress(out UdpAddress address) =>
        TryFind(StunAttributeType.XorMappedAddress, out StunAttribute attribute)
            ? StunAddress.TryReadXored(attribute.Value, TransactionId, out address)
            : TryFindAddress(StunAttributeType.MappedAddress, out address);

    /// <summary>Reads ERROR-CODE (RFC 8489 section 14.8): class 3 to 6 and number 0 to 99.</summary>
    /// <param name="code">300 to 699.</param>
    public bool TryFindErrorCode(out int code)
    {
        code = 0;
        if (!TryFind(StunAttributeType.ErrorCode, out StunAttribute attribute) || attribute.Value.Length < 4)
            return false;
        int hundreds = attribute.Value[2] & 0b111;
        int number = attribute.Value[3];
        if (hundreds is < 3 or > 6 || number > 99)
            return false;
        code = (hundreds * 100) + number;
        return true;
    }

    /// <summary>Reads CHANGE-REQUEST (RFC 5780 section 7.2).</summary>
    /// <returns>False if it is malformed; without one, nothing is to change.</returns>
    public bool TryFindChange(out StunChange change)
    {
        change = StunChange.None;
        if (!TryFind(StunAttributeType.ChangeRequest, out StunAttribute attribute))
            return true;
        if (attribute.Value.Length != sizeof(uint))
            return false;
        change = (StunChange)BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) & (StunChange.Address | StunChange.Port);
        return true;
    }

    /// <summary>Reads RESPONSE-PORT (RFC 5780 section 7.5), with its two bytes of padding counted as value or not.</summary>
    /// <returns>False if it is malformed; without one, the port is 0.</returns>
    public bool TryFindResponsePort(out ushort port)
    {
        port = 0;
        if (!TryFind(StunAttributeType.ResponsePort, out StunAttribute attribute))
            return true;
        return attribute.Value.Length is 2 or 4 && BinaryPrimitives.TryReadUInt16BigEndian(attribute.Value, out port);
    }

    /// <summary>Checks FINGERPRINT (RFC 8489 section 14.7).</summary>
    public StunFingerprint CheckFingerprint()
    {
        if (!TryFind(StunAttributeType.Fingerprint, out StunAttribute attribute))
            return StunFingerprint.Absent;
        bool isLast = attribute.Offset + AttributeHeaderLength + sizeof(uint) == _bytes.Length;
        return isLast && attribute.Value.Length == sizeof(uint)
            && BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) == StunIntegrity.Fingerprint(_bytes[..attribute.Offset])
            ? StunFingerprint.Valid
            : StunFingerprint.Invalid;
    }

    /// <summary>Checks MESSAGE-INTEGRITY (RFC 8489 section 14.5).</summary>
    /// <returns>False if it is wrong or absent.</returns>
    public bool HasIntegrity(ReadOnlySpan<byte> key) =>
        TryFind(StunAttributeType.MessageIntegrity, out StunAttribute attribute)
        && StunIntegrity.VerifySha1(key, _bytes[..attribute.Offset], attribute.Value);

    /// <summary>Checks MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6).</summary>
    /// <returns>False if it is wrong or absent.</returns>
    public bool HasIntegritySha256(ReadOnlySpan<byte> key) =>
        TryFind(StunAttributeType.MessageIntegritySha256, out StunAttribute attribute)
        && StunIntegrity.VerifySha256(key, _bytes[..attribute.Offset], attribute.Value);

    /// <summary>A value's length with its padding to a multiple of 4.</summary>
    internal static int PaddedLength(int length) => (length + 3) & ~3;
}
