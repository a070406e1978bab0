using System.Security.Cryptography;
using System.Text;

namespace Punchline.Invites;

/// <summary>
/// The one refusal: a close under Initial keys, which anybody on the way could make as well. So it begins with the invite's end proof, in
/// hexadecimal digits, and without the right one it means nothing (docs/wire/door.md).
/// </summary>
internal static class Refusal
{
    /// <summary>The transport error code: the invite has ended. The three codes after it are reserved.</summary>
    public const ulong Ended = 0x3150_4311;

    /// <summary>The reason phrase.</summary>
    public static string Text(ReadOnlySpan<byte> endProof) => Convert.ToHexStringLower(endProof) + " this invite has ended";

    /// <summary>True if the host itself has said that this secret has ended.</summary>
    public static bool Proves(string reason, ReadOnlySpan<byte> secret)
    {
        string expected = Convert.ToHexStringLower(InviteKeys.EndProof(secret));
        return reason.Length >= expected.Length
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(reason[..expected.Length]), Encoding.ASCII.GetBytes(expected));
    }
}
