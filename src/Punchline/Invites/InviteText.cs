using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SimpleBase;

namespace Punchline.Invites;

/// <summary>The text of an invite: a word, a version digit, and Crockford's base32 (docs/wire/invite.md).</summary>
internal static class InviteText
{
    public const string Word = "punchline";
    public const string UriPrefix = "punchline://";

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>Far above the longest invite with all that a chat may add; beyond it we do not even look.</summary>
    private const int MaxTextLength = 65_536;

    public static string Format(Invite invite, string prefix) =>
        prefix + InviteCodec.Version.ToString(CultureInfo.InvariantCulture) + Base32.Crockford.Encode(InviteCodec.Encode(invite), padding: false).ToLowerInvariant();

    public static InviteError Parse(string? text, out Invite? invite, out string explanation)
    {
        InviteError error = ParseBody(text, out invite, out string? detail);
        explanation = error switch
        {
            InviteError.None => "",
            InviteError.Empty => "There is no invite: the text is empty.",
            InviteError.NotAnInvite => "This is not an invite: it should begin with \"punchline1\".",
            InviteError.NewerVersion => "The invite was made by a newer version of punchline: update this one.",
            InviteError.BadCharacter => "The invite has a character that no invite has: " + detail + ". Copy it again.",
            InviteError.Truncated => "The invite is cut off: " + detail + " at its end. Copy all of it.",
            InviteError.TooLong => "Something stands behind the end of the invite: " + detail + ". Copy it alone.",
            InviteError.Damaged => "The invite is damaged: a character in it was changed or is missing. Copy it again.",
            InviteError.BadHostId => "The invite's host id is missing or not valid. Ask the host for a new one.",
            InviteError.BadInviteId => "The invite's id is missing or not valid. Ask the host for a new one.",
            InviteError.BadSecret => "The invite's secret is missing or not valid. Ask the host for a new one.",
            _ => "The invite names no valid server. Ask the host for a new one.",
        };
        return error;
    }

    private static InviteError ParseBody(string? text, out Invite? invite, out string? detail)
    {
        invite = null;
        detail = null;
        if (string.IsNullOrWhiteSpace(text))
            return InviteError.Empty;
        if (text.Length > MaxTextLength)
            return InviteError.NotAnInvite;
        string clean = Strip(text);
        if (clean.Length == 0)
            return InviteError.Empty;
        int word = clean.LastIndexOf(Word, StringComparison.Ordinal);
        if (word < 0)
            return InviteError.NotAnInvite;
        ReadOnlySpan<char> rest = clean.AsSpan(word + Word.Length).TrimStart(":/").TrimEnd('/');
        if (rest.IsEmpty || !char.IsAsciiDigit(rest[0]) || rest[0] == '0')
            return InviteError.NotAnInvite;
        if (rest[0] != '0' + InviteCodec.Version)
            return InviteError.NewerVersion;
        return ParseBase32(rest[1..], out invite, out detail);
    }

    private static InviteError ParseBase32(ReadOnlySpan<char> body, out Invite? invite, out string? detail)
    {
        invite = null;
        detail = null;
        for (int i = 0; i < body.Length; i++)
        {
            char c = body[i];
            if (!Alphabet.Contains(c, StringComparison.Ordinal) && c is not ('i' or 'l' or 'o'))
            {
                detail = string.Create(CultureInfo.InvariantCulture, $"'{c}' at place {Word.Length + 2 + i}");
                return InviteError.BadCharacter;
            }
        }
        // The length in front says how many characters there must be; four of them hold it.
        int lengthChars = CharsFor(InviteCodec.LengthLength);
        if (body.Length < lengthChars)
        {
            detail = "nearly all is missing";
            return InviteError.Truncated;
        }
        byte[]? head = Decode(body[..lengthChars], InviteCodec.LengthLength);
        if (head is null)
            return InviteError.Damaged;
        int fieldsLength = BinaryPrimitives.ReadUInt16BigEndian(head);
        if (fieldsLength > InviteCodec.MaxFieldsLength)
            return InviteError.Damaged;
        int total = InviteCodec.LengthLength + fieldsLength + InviteCodec.ChecksumLength;
        int expected = CharsFor(total);
        if (body.Length < expected)
        {
            detail = Count(expected - body.Length) + " missing";
            return InviteError.Truncated;
        }
        if (body.Length > expected)
        {
            detail = Count(body.Length - expected) + " too many";
            return InviteError.TooLong;
        }
        byte[]? bytes = Decode(body, total);
        if (bytes is null)
            return InviteError.Damaged;
        Span<byte> checksum = stackalloc byte[InviteCodec.ChecksumLength];
        InviteCodec.Checksum(InviteCodec.Version, bytes.AsSpan(..^InviteCodec.ChecksumLength), checksum);
        if (!checksum.SequenceEqual(bytes.AsSpan(^InviteCodec.ChecksumLength..)))
            return InviteError.Damaged;
        return InviteCodec.ReadFields(bytes.AsSpan(InviteCodec.LengthLength, fieldsLength), out invite);
    }

    private static string Count(int characters) =>
        string.Create(CultureInfo.InvariantCulture, $"{characters} character{(characters == 1 ? " is" : "s are")}");

    private static int CharsFor(int bytes) => (bytes * 8 + 4) / 5;

    private static byte[]? Decode(ReadOnlySpan<char> text, int count)
    {
        byte[] buffer = new byte[Base32.Crockford.GetSafeByteCountForDecoding(text)];
        return Base32.Crockford.TryDecode(text, buffer, out int written) && written >= count ? buffer[..count] : null;
    }

    // What chat programs, mail and people put around and into a line of text.
    private static string Strip(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory(c);
            bool noise = category is UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OpenPunctuation
                or UnicodeCategory.ClosePunctuation or UnicodeCategory.DashPunctuation
                || "\"'`´<>*_~,.;|".Contains(c, StringComparison.Ordinal);
            if (!noise)
                clean.Append(char.ToLowerInvariant(c));
        }
        return clean.ToString();
    }
}
