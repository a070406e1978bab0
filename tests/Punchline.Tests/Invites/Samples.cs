using System.Text.RegularExpressions;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Tests.Invites;

/// <summary>The values of the golden samples in docs/wire, and the samples themselves, read from the pages.</summary>
internal static partial class Samples
{
    public static byte[] HostId => Count(0x00, 32);

    public static InviteId Id => InviteId.Read(Count(0xa0, 8));

    public static byte[] Secret => Count(0xb0, 16);

    public static ulong DoorNonce => 0x1112131415161718;

    public static byte[] PeerId => Count(0x20, 32);

    public static ConnectionId Destination => new(Count(0xd0, 20));

    public static byte[] Count(byte first, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
            bytes[i] = (byte)(first + i);
        return bytes;
    }

    /// <summary>All runs of 12 and more hexadecimal digits, and the invite, in the order of the page.</summary>
    public static string[] Of(string page)
    {
        string text = File.ReadAllText(WorkingTree.At("docs", "wire", page));
        return [.. Sample().Matches(text[text.LastIndexOf("## Golden", StringComparison.Ordinal)..]).Select(m => m.Value)];
    }

    [GeneratedRegex(@"punchline1[0-9a-z]{60,}|\b[0-9a-f]{8,}\b(?!…)", RegexOptions.None, 5000)]
    private static partial Regex Sample();
}
