using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Stun;

/// <summary>
/// Writes one message, attribute by attribute; the header's length is always right. The caller's buffer has room for what it adds
/// (a buffer of <see cref="StunMessage.MaxLength"/> bytes has, for every message of ours).
/// </summary>
internal ref struct StunWriter
{
    private readonly Span<byte> _buffer;
    private readonly StunTransactionId _id;

    /// <summary>Writes the header.</summary>
    public StunWriter(Span<byte> buffer, StunClass @class, ushort method, in StunTransactionId id)
    {
        _buffer = buffer;
        _id = id;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, StunMessage.TypeOf(@class, method));
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], StunMessage.MagicCookie);
        id.Write(buffer[8..]);
        SetLength(StunMessage.HeaderLength);
    }

    /// <summary>Bytes of the message so far.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes that an attribute takes with header and padding.</summary>
    public static int Space(int valueLength) => StunMessage.AttributeHeaderLength + StunMessage.PaddedLength(valueLength);

    /// <summary>Adds an attribute with this value.</summary>
    public void Add(StunAttributeType type, ReadOnlySpan<byte> value) => value.CopyTo(Add(type, value.Length));

    /// <summary>Adds XOR-MAPPED-ADDRESS.</summary>
    public void AddXorMappedAddress(in UdpAddress address) =>
        StunAddress.WriteXored(address, _id, Add(StunAttributeType.XorMappedAddress, StunAddress.LengthOf(address)));

    /// <summary>Adds an attribute that is an address in clear.</summary>
    public void AddAddress(StunAttributeType type, in UdpAddress address) =>
        StunAddress.Write(address, Add(type, StunAddress.LengthOf(address)));

    /// <summary>Adds CHANGE-REQUEST (RFC 5780 section 7.2).</summary>
    public void AddChangeRequest(StunChange change) =>
        BinaryPrimitives.WriteUInt32BigEndian(Add(StunAttributeType.ChangeRequest, sizeof(uint)), (uint)change);

    /// <summary>Adds RESPONSE-PORT (RFC 5780 section 7.5): the port and two bytes of padding, which count as its value.</summary>
    public void AddResponsePort(ushort port) =>
        BinaryPrimitives.WriteUInt16BigEndian(Add(StunAttributeType.ResponsePort, sizeof(uint)), port);

    /// <summary>Adds ERROR-CODE (RFC 8489 section 14.8).</summary>
    /// <param name="code">300 to 699.</param>
    /// <param name="reason">A few words in UTF-8, fewer than 128 characters.</param>
    public void AddErrorCode(int code, ReadOnlySpan<byte> reason)
    {
        Span<byte> value = Add(StunAttributeType.ErrorCode, 4 + reason.Length);
        value[2] = (byte)(code / 100);
        value[3] = (byte)(code % 100);
        reason.CopyTo(value[4..]);
    }

    /// <summary>Adds UNKNOWN-ATTRIBUTES (RFC 8489 section 14.9).</summary>
    public void AddUnknownAttributes(ReadOnlySpan<StunAttributeType> types)
    {
        Span<byte> value = Add(StunAttributeType.UnknownAttributes, types.Length * sizeof(ushort));
        for (int i = 0; i < types.Length; i++)
            BinaryPrimitives.WriteUInt16BigEndian(value[(i * sizeof(ushort))..], (ushort)types[i]);
    }

    /// <summary>Adds MESSAGE-INTEGRITY over everything so far.</summary>
    public void AddIntegrity(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> before = _buffer[..Length];
        StunIntegrity.ComputeSha1(key, before, Add(StunAttributeType.MessageIntegrity, StunIntegrity.Sha1Length));
    }

    /// <summary>Adds MESSAGE-INTEGRITY-SHA256, uncut, over everything so far.</summary>
    public void AddIntegritySha256(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> before = _buffer[..Length];
        Span<byte> value = Add(StunAttributeType.MessageIntegritySha256, StunIntegrity.Sha256Length);
        StunIntegrity.ComputeSha256(key, before, value.Length, value);
    }

    /// <summary>Adds FINGERPRINT, which must be the last.</summary>
    public void AddFingerprint()
    {
        uint fingerprint = StunIntegrity.Fingerprint(_buffer[..Length]);
        BinaryPrimitives.WriteUInt32BigEndian(Add(StunAttributeType.Fingerprint, sizeof(uint)), fingerprint);
    }

    /// <summary>Adds an attribute and gives its value, zeroed with its padding (RFC 8489 section 14: padding MUST be sent as zero).</summary>
    private Span<byte> Add(StunAttributeType type, int valueLength)
    {
        Span<byte> attribute = _buffer.Slice(Length, Space(valueLength));
        attribute.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(attribute, (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(attribute[2..], (ushort)valueLength);
        SetLength(Length + attribute.Length);
        return attribute.Slice(StunMessage.AttributeHeaderLength, valueLength);
    }

    private void SetLength(int length)
    {
        Length = length;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[2..], (ushort)(length - StunMessage.HeaderLength));
    }
}
