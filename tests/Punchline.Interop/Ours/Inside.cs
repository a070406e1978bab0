using System.Runtime.CompilerServices;
using Punchline.Quic;
using Punchline.Quic.Crypto;

namespace Punchline.Interop.Ours;

/// <summary>What no API tells, because nobody else needs it: the keys of a connection.</summary>
internal static class Inside
{
    /// <summary>Updates follow each other so closely that several fall into one transfer; the other limits are as they are.</summary>
    public static AeadLimits UpdateOften { get; } = AeadLimits.Aes128Gcm with { Update = 500 };

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_oneRtt")]
    public static extern ref OneRttKeys? Keys(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_limits")]
    public static extern ref AeadLimits Limits(this OneRttKeys keys);
}
