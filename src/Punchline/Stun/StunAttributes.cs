using System.Buffers.Binary;

namespace Punchline.Stun;

/// <summary>One attribute of a message, in place.</summary>
internal readonly ref struct StunAttribute
{
    /// <summary>An attribute of a message.</summary>
    public StunAttribute(StunAttributeType type, ReadOnlySpan<byte> value, int offset)
    {
        Type = type;
        Value = value;
        Offset = offset;
    }

    /// <summary>What it is; maybe a number that we do not know.</summary>
    public StunAttributeType Type { get; }

    /// <summary>Its value without padding.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>Where its header begins in the message.</summary>
    public int Offset { get; }
}

/// <summary>
/// Walks through the attributes of a message that <see cref="StunMessage.TryRead"/> has checked (RFC 8489 section 14).
/// Those after an integrity attribute were not covered by it and are ignored, save the next stronger one and FINGERPRINT
/// (sections 14.5 and 14.6); so is everything after FINGERPRINT.
/// </summary>
internal ref struct StunAttributes
{
    private readonly ReadOnlySpan<byte> _message;
    private int _next;
    private StunAttributeType? _sealed;

    /// <summary>Starts before the first attribute.</summary>
    public StunAttributes(ReadOnlySpan<byte> message)
    {
        _message = message;
        _next = StunMessage.HeaderLength;
        Current = default;
    }

    /// <summary>The attribute that the last <see cref="MoveNext"/> found.</summary>
    public StunAttribute Current { get; private set; }

    /// <summary>Goes on to the next attribute that counts.</summary>
    public bool MoveNext()
    {
        while (_next < _message.Length)
        {
            int offset = _next;
            ReadOnlySpan<byte> rest = _message[offset..];
            var type = (StunAttributeType)BinaryPrimitives.ReadUInt16BigEndian(rest);
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            _next += StunMessage.AttributeHeaderLength + StunMessage.PaddedLength(length);
            if (!Counts(type))
                continue;
            if (type is StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256 or StunAttributeType.Fingerprint)
                _sealed = type;
            Current = new StunAttribute(type, rest.Slice(StunMessage.AttributeHeaderLength, length), offset);
            return true;
        }
        return false;
    }

    private readonly bool Counts(StunAttributeType type) => _sealed switch
    {
        null => true,
        StunAttributeType.MessageIntegrity => type is StunAttributeType.MessageIntegritySha256 or StunAttributeType.Fingerprint,
        StunAttributeType.MessageIntegritySha256 => type is StunAttributeType.Fingerprint,
        _ => false,
    };
}
