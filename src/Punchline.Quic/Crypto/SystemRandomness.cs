using System.Security.Cryptography;

namespace Punchline.Quic;

/// <summary>The operating system's randomness (RFC 9846 appendix C.1), for both kinds. Safe for any number of threads.</summary>
public sealed class SystemRandomness : IRandomness
{
    private SystemRandomness() { }

    /// <summary>The one instance; it has no state.</summary>
    public static SystemRandomness Instance { get; } = new();

    /// <inheritdoc/>
    public void FillPublic(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    /// <inheritdoc/>
    public void FillSecret(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
