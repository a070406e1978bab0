using Punchline.Invites;
using SimpleBase;
using Xunit;

namespace Punchline.Tests.Invites;

public sealed class InviteTests
{
    private static readonly Invite Sample = MakeSample();

    [Fact]
    public void The_golden_sample_is_what_we_write_and_read()
    {
        string[] golden = Samples.Of("invite.md");
        Assert.Equal(golden[0], Sample.ToString());
        Assert.Equal(golden[1], Convert.ToHexStringLower(InviteCodec.Encode(Sample)));
        AssertSample(golden[0]);
        AssertSample(Sample.ToUri());
    }

    [Fact]
    public void What_people_and_programs_add_does_no_harm()
    {
        string text = Sample.ToString();
        string body = text["punchline1".Length..];
        AssertSample("  " + text + "\r\n");
        AssertSample("`" + text + "`");
        AssertSample("```\n" + text + "\n```");
        AssertSample("\u201c" + text + "\u201d");
        AssertSample("«" + text + "»");
        AssertSample("<" + text + ">");
        AssertSample("**" + text + "**.");
        AssertSample("> " + text[..40] + "\n> " + text[40..]);
        AssertSample(string.Join(' ', text.Chunk(5).Select(c => new string(c))));
        AssertSample(string.Join('-', text.Chunk(4).Select(c => new string(c))));
        AssertSample(text.ToUpperInvariant());
        AssertSample("\u200b" + text[..20] + "\u00ad" + text[20..] + "\ufeff");
        AssertSample("punchline join " + text);
        AssertSample("$ ./punchline join '" + text + "'");
        AssertSample("Hi! Type this: punchline join " + text);
        AssertSample("punchline://1" + body + "/");
        AssertSample("PUNCHLINE://1" + body);
        AssertSample("punchline:1" + body);
        // Read aloud: one is heard as L or I, zero as O.
        AssertSample("punchline1" + body.Replace('0', 'o').Replace('1', 'l'));
        AssertSample("punchline1" + body.Replace('0', 'O').Replace('1', 'I'));
    }

    [Theory]
    [InlineData(null, InviteError.Empty)]
    [InlineData("", InviteError.Empty)]
    [InlineData(" \n\"\"` ", InviteError.Empty)]
    [InlineData("hello", InviteError.NotAnInvite)]
    [InlineData("punchline", InviteError.NotAnInvite)]
    [InlineData("punchline0000", InviteError.NotAnInvite)]
    [InlineData("punchline2abcdef", InviteError.NewerVersion)]
    [InlineData("punchline1ab$c", InviteError.BadCharacter)]
    [InlineData("punchline1", InviteError.Truncated)]
    public void What_is_no_invite_is_named(string? text, InviteError expected)
    {
        Assert.False(Invite.TryParse(text, out _, out InviteError error, out string explanation));
        Assert.Equal(expected, error);
        Assert.EndsWith(".", explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_says_how_much_is_missing()
    {
        string text = Sample.ToString();
        for (int length = "punchline1".Length; length < text.Length; length++)
        {
            Assert.False(Invite.TryParse(text[..length], out _, out InviteError error, out string explanation));
            Assert.Equal(InviteError.Truncated, error);
            int missing = text.Length - length;
            if (length >= "punchline1".Length + 4)
                Assert.Contains(missing == 1 ? "1 character is missing" : $"{missing} characters are missing", explanation, StringComparison.Ordinal);
        }
        Assert.False(Invite.TryParse(text + "7", out _, out InviteError tooLong, out _));
        Assert.Equal(InviteError.TooLong, tooLong);
    }

    [Fact]
    public void No_single_changed_or_lost_character_goes_unnoticed()
    {
        string text = Sample.ToString();
        for (int i = "punchline1".Length; i < text.Length; i++)
        {
            foreach (char c in "0123456789abcdefghjkmnpqrstvwxyz")
            {
                // The last character holds padding bits too: a change in those alone means the same bytes.
                if (c == text[i] || i == text.Length - 1)
                    continue;
                Assert.False(Invite.TryParse(text[..i] + c + text[(i + 1)..], out _, out InviteError error, out _));
                Assert.Contains(error, new[] { InviteError.Damaged, InviteError.Truncated, InviteError.TooLong });
            }
            Assert.False(Invite.TryParse(text.Remove(i, 1), out _, out _, out _));
        }
    }

    [Fact]
    public void Unknown_optional_fields_are_skipped_and_unknown_critical_ones_ask_for_an_update()
    {
        byte[] fields = FieldsOf(Sample);
        AssertSample(Wrap([.. fields, 0x05, 2, 9, 9]));
        AssertError(InviteError.NewerVersion, [.. fields, 0x85, 0]);
        // A scheme that nobody knows yet: the other server serves.
        AssertSample(Wrap([.. fields, 0x04, 4, 7, 0, 1, 0]));
    }

    [Fact]
    public void Each_missing_doubled_or_misshapen_field_is_named()
    {
        byte[] fields = FieldsOf(Sample);
        AssertError(InviteError.BadHostId, fields[34..]);
        AssertError(InviteError.BadHostId, [.. fields, .. fields[..34]]);
        AssertError(InviteError.BadInviteId, [.. fields[..34], .. fields[44..]]);
        AssertError(InviteError.BadSecret, [.. fields[..44], .. fields[62..]]);
        AssertError(InviteError.BadServer, fields[..62]);
        AssertError(InviteError.NewerVersion, [.. fields[..62], 0x04, 4, 7, 0, 1, 0]);
        AssertError(InviteError.BadServer, [.. fields[..62], 0x04, 4, 0, 0, 1, 0]);
        AssertError(InviteError.Damaged, [.. fields, 0x05]);
        AssertError(InviteError.Damaged, [.. fields, 0x05, 9, 1]);
    }

    [Fact]
    public void Random_text_never_throws()
    {
        var random = new Random(4);
        for (int i = 0; i < 20_000; i++)
        {
            char[] chars = new char[random.Next(80)];
            for (int j = 0; j < chars.Length; j++)
                chars[j] = (char)random.Next(random.Next(2) == 0 ? 128 : 0xffff);
            Assert.False(Invite.TryParse("punchline1" + new string(chars), out _, out InviteError error, out _));
            Assert.NotEqual(InviteError.None, error);
        }
    }

    [Theory]
    [InlineData("example.org", ServerScheme.Punch, "example.org:3478", "example.org:3478")]
    [InlineData(" Example.ORG:99 ", ServerScheme.Punch, "example.org:99", "example.org:99")]
    [InlineData("ws://a.b", ServerScheme.Ws, "a.b:80", "ws://a.b:80")]
    [InlineData("wss://a.b/", ServerScheme.Wss, "a.b:443", "wss://a.b:443")]
    [InlineData("[2001:DB8::1]:5", ServerScheme.Punch, "[2001:db8::1]:5", "[2001:db8::1]:5")]
    [InlineData("2001:db8:0::1", ServerScheme.Punch, "[2001:db8::1]:3478", "[2001:db8::1]:3478")]
    [InlineData("punch://10.0.0.1:1", ServerScheme.Punch, "10.0.0.1:1", "10.0.0.1:1")]
    [InlineData("ws://a_b.example:8080", ServerScheme.Ws, "a_b.example:8080", "ws://a_b.example:8080")]
    public void Server_addresses_have_one_spelling(string text, ServerScheme scheme, string dialled, string shown)
    {
        Assert.True(ServerAddress.TryParse(text, out ServerAddress? address));
        Assert.Equal(scheme, address!.Scheme);
        Assert.Equal(dialled, address.DialledName);
        Assert.Equal(shown, address.ToString());
        Assert.True(ServerAddress.TryParse(shown, out ServerAddress? again));
        Assert.Equal(address, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("a b")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("a:x")]
    [InlineData("ftp://a")]
    [InlineData("[::1")]
    [InlineData("[a]:1")]
    [InlineData("fe80::1%2")]
    [InlineData("-a")]
    [InlineData("a..b")]
    [InlineData("192.0.2.-")]
    [InlineData("192.0.-.1")]
    public void What_is_no_server_address_is_refused(string text) => Assert.False(ServerAddress.TryParse(text, out _));

    private static Invite MakeSample()
    {
        Assert.True(ServerAddress.TryParse("example.org", out ServerAddress? first));
        Assert.True(ServerAddress.TryCreate(ServerScheme.Wss, "relay.example", 443, Samples.Count(0xc0, 32), out ServerAddress? second));
        return new Invite(Samples.HostId, Samples.Id.ToArray(), Samples.Secret, [first!, second!]);
    }

    private static void AssertSample(string text)
    {
        Assert.True(Invite.TryParse(text, out Invite? invite, out InviteError error, out string explanation), $"{text}: {error}");
        Assert.Equal("", explanation);
        Assert.Equal(Samples.HostId, invite!.HostId.ToArray());
        Assert.Equal(Samples.Id.ToArray(), invite.Id.ToArray());
        Assert.Equal(Samples.Secret, invite.Secret.ToArray());
        Assert.Equal(Sample.Servers, invite.Servers);
    }

    private static void AssertError(InviteError expected, byte[] fields)
    {
        Assert.False(Invite.TryParse(Wrap(fields), out _, out InviteError error, out _));
        Assert.Equal(expected, error);
    }

    private static byte[] FieldsOf(Invite invite) => InviteCodec.Encode(invite)[2..^4];

    private static string Wrap(byte[] fields)
    {
        byte[] covered = [(byte)(fields.Length >> 8), (byte)fields.Length, .. fields];
        byte[] checksum = new byte[4];
        InviteCodec.Checksum(1, covered, checksum);
        return "punchline1" + Base32.Crockford.Encode([.. covered, .. checksum], padding: false);
    }
}
