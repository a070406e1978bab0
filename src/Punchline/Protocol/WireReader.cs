using System.Buffers.Binary;
using System.Text;
using Punchline.Quic;

namespace Punchline.Protocol;

/// <summary>Reads the fields of one message from a span. Total: every call returns false where the bytes do not suffice or do not fit.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>What was not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public bool TryReadByte(out byte value)
    {
        value = 0;
        if (_rest.IsEmpty)
            return false;
        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(_rest, out value))
            return false;
        _rest = _rest[2..];
        return true;
    }

    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64BigEndian(_rest, out value))
            return false;
        _rest = _rest[8..];
        return true;
    }

    /// <summary>A variable-length integer (RFC 9000 section 16).</summary>
    public bool TryReadVarint(out ulong value)
    {
        value = 0;
        if (_rest.IsEmpty)
            return false;
        int length = 1 << (_rest[0] >> 6);
        if (_rest.Length < length)
            return false;
        value = (ulong)_rest[0] & 0x3f;
        for (int i = 1; i < length; i++)
            value = value << 8 | _rest[i];
        _rest = _rest[length..];
        return true;
    }

    /// <summary>A view of the next bytes.</summary>
    /// <param name="length">Compared with what remains before it is narrowed.</param>
    public bool TryReadBytes(ulong length, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (length > (ulong)_rest.Length)
            return false;
        value = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    /// <summary>A copy of the next bytes; the length is a constant of the caller's.</summary>
    public bool TryReadArray(int length, out byte[] value)
    {
        value = [];
        if (!TryReadBytes((ulong)length, out ReadOnlySpan<byte> span))
            return false;
        value = span.ToArray();
        return true;
    }

    /// <summary>A text behind a length of one byte.</summary>
    public bool TryReadShortText(out string value)
    {
        value = "";
        return TryReadByte(out byte length) && TryReadBytes(length, out ReadOnlySpan<byte> utf8) && TryDecode(utf8, out value);
    }

    /// <summary>A text behind a varint.</summary>
    /// <param name="maxBytes">More than this is refused.</param>
    public bool TryReadText(int maxBytes, out string value)
    {
        value = "";
        return TryReadVarint(out ulong length) && length <= (ulong)maxBytes
            && TryReadBytes(length, out ReadOnlySpan<byte> utf8) && TryDecode(utf8, out value);
    }

    /// <summary>family ‖ port ‖ address.</summary>
    public bool TryReadAddress(out UdpAddress value)
    {
        value = default;
        if (!TryReadByte(out byte family) || family is not (4 or 6) || !TryReadUInt16(out ushort port)
            || !TryReadBytes(family == 4 ? 4u : 16u, out ReadOnlySpan<byte> address))
        {
            return false;
        }
        value = UdpAddress.FromBytes(address, 0, port);
        return true;
    }

    // Texts from the network end in logs and terminals: control characters become a question mark.
    private static bool TryDecode(ReadOnlySpan<byte> utf8, out string value)
    {
        value = "";
        if (!System.Text.Unicode.Utf8.IsValid(utf8))
            return false;
        value = string.Create(StrictUtf8.GetCharCount(utf8), utf8, static (chars, source) =>
        {
            StrictUtf8.GetChars(source, chars);
            foreach (ref char c in chars)
            {
                if (char.IsControl(c))
                    c = '?';
            }
        });
        return true;
    }
}
