using System.Text;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>
/// The fields of our own messages that the core's reader and writer do not have: texts, addresses, copies. Total as the core's: false
/// where the bytes do not suffice or do not fit. After a false the message is not well formed, and no more is read from it.
/// </summary>
internal static class WireFields
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A copy of the next bytes; the length is a constant of the caller's.</summary>
    public static bool TryReadArray(this scoped ref WireReader reader, int length, out byte[] value)
    {
        value = [];
        if (!reader.TryReadBytes((ulong)length, out ReadOnlySpan<byte> span))
            return false;
        value = span.ToArray();
        return true;
    }

    /// <summary>A text behind a length of one byte.</summary>
    public static bool TryReadShortText(this scoped ref WireReader reader, out string value)
    {
        value = "";
        return reader.TryReadByte(out byte length) && reader.TryReadBytes(length, out ReadOnlySpan<byte> utf8) && TryDecode(utf8, out value);
    }

    /// <summary>A text behind a varint.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="maxBytes">More than this is refused.</param>
    /// <param name="value">The text.</param>
    public static bool TryReadText(this scoped ref WireReader reader, int maxBytes, out string value)
    {
        value = "";
        return reader.TryReadVarInt(out ulong length) && length <= (ulong)maxBytes
            && reader.TryReadBytes(length, out ReadOnlySpan<byte> utf8) && TryDecode(utf8, out value);
    }

    /// <summary>family ‖ port ‖ address (docs/wire/control.md).</summary>
    public static bool TryReadAddress(this scoped ref WireReader reader, out UdpAddress value)
    {
        value = default;
        if (!reader.TryReadByte(out byte family) || family is not (4 or 6) || !reader.TryReadUInt16(out ushort port)
            || !reader.TryReadBytes(family == 4 ? 4u : 16u, out ReadOnlySpan<byte> address))
        {
            return false;
        }
        value = UdpAddress.FromBytes(address, 0, port);
        return true;
    }

    /// <summary>A text behind a length of one byte; longer ones are cut at a character.</summary>
    public static void WriteShortText(this scoped ref WireWriter writer, string value)
    {
        int length = Fit(value, byte.MaxValue, out int chars);
        writer.WriteByte((byte)length);
        Encoding.UTF8.GetBytes(value.AsSpan(0, chars), writer.Reserve(length));
    }

    /// <summary>A text behind a varint; longer ones are cut at a character.</summary>
    public static void WriteText(this scoped ref WireWriter writer, string value, int maxBytes)
    {
        int length = Fit(value, maxBytes, out int chars);
        writer.WriteVarInt((ulong)length);
        Encoding.UTF8.GetBytes(value.AsSpan(0, chars), writer.Reserve(length));
    }

    /// <summary>family ‖ port ‖ address (docs/wire/control.md).</summary>
    public static void WriteAddress(this scoped ref WireWriter writer, in UdpAddress value)
    {
        if (value.IsNone)
            throw new ArgumentException("There is no address to write.", nameof(value));
        writer.WriteByte(value.IsIPv4 ? (byte)4 : (byte)6);
        writer.WriteUInt16(value.Port);
        value.WriteAddress(writer.Reserve(value.AddressLength));
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

    private static int Fit(string value, int maxBytes, out int chars)
    {
        chars = 0;
        int bytes = 0;
        foreach (Rune rune in value.EnumerateRunes())
        {
            if (bytes + rune.Utf8SequenceLength > maxBytes)
                break;
            bytes += rune.Utf8SequenceLength;
            chars += rune.Utf16SequenceLength;
        }
        return bytes;
    }
}
