namespace Punchline.Quic.Tls;

/// <summary>
/// Walks DER (X.690 section 10) from a span: tag, definite length in its shortest form, content. Total, and it takes only the
/// low-tag-number form, which is all that a certificate's outer shape uses.
/// </summary>
internal ref struct DerReader(ReadOnlySpan<byte> bytes)
{
    public const byte Integer = 0x02;
    public const byte BitString = 0x03;
    public const byte Sequence = 0x30;

    /// <summary>The explicit tag [0], under which a certificate holds its version.</summary>
    public const byte Context0 = 0xa0;

    private const byte HighTagNumber = 0x1f;
    private const byte LongLength = 0x80;

    /// <summary>Length bytes beyond the first: three cover all that fits a handshake message.</summary>
    private const int MaxLengthBytes = 3;

    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>True if the next element has this tag.</summary>
    public readonly bool IsNext(byte tag) => !_rest.IsEmpty && _rest[0] == tag;

    /// <summary>Reads the next element, which must have this tag.</summary>
    /// <param name="element">Tag, length and content.</param>
    /// <param name="content">The content alone.</param>
    public bool TryRead(byte tag, out ReadOnlySpan<byte> element, out ReadOnlySpan<byte> content)
    {
        element = default;
        content = default;
        if (_rest.Length < 2 || _rest[0] != tag || (tag & HighTagNumber) == HighTagNumber)
            return false;

        int length = _rest[1];
        int start = 2;
        if (length >= LongLength)
        {
            int count = length - LongLength;
            if (count is 0 or > MaxLengthBytes || _rest.Length < 2 + count)
                return false;                                        // 0 is BER's indefinite length
            length = 0;
            foreach (byte part in _rest.Slice(2, count))
                length = length << 8 | part;
            start += count;
            bool isShortest = length >= LongLength && length >= 1 << (8 * (count - 1));
            if (!isShortest)
                return false;
        }
        if (length > _rest.Length - start)
            return false;

        element = _rest[..(start + length)];
        content = element[start..];
        _rest = _rest[element.Length..];
        return true;
    }
}
