using System.Security.Cryptography;

namespace Punchline.Quic;

/// <summary>
/// Makes connection ids that carry a short mark under a persisted key, and their stateless reset tokens. A restarted
/// process recognises ids of its making by the mark and resets their connections; a stranger's id has no mark and
/// hears nothing (RFC 9000 section 10.3; docs/deviations.md).
/// </summary>
/// <remarks>
/// <code>
/// | random (5 bytes) | mark (3 bytes) = first bytes of HMAC-SHA256(mark key, random) |
/// </code>
/// </remarks>
internal sealed class ConnectionIdFactory
{
    /// <summary>The length of every id that we issue, in bytes: short packets carry no length of their own.</summary>
    internal const int Length = 8;

    /// <summary>The length of a stateless reset token in bytes (RFC 9000 section 10.3).</summary>
    internal const int ResetTokenLength = 16;

    /// <summary>40 random bits: the few thousand ids of a process do not collide, and the endpoint draws again if they do.</summary>
    private const int RandomLength = 5;

    private readonly byte[] _markKey;
    private readonly byte[] _tokenKey;
    private readonly IRandomness _randomness;

    internal ConnectionIdFactory(ReadOnlySpan<byte> resetKey, IRandomness randomness)
    {
        _markKey = HKDF.Expand(HashAlgorithmName.SHA256, resetKey.ToArray(), 32, "punchline cid mark"u8.ToArray());
        _tokenKey = HKDF.Expand(HashAlgorithmName.SHA256, resetKey.ToArray(), 32, "punchline reset token"u8.ToArray());
        _randomness = randomness;
    }

    /// <summary>An id that tells nobody without the key to which connection it belongs (RFC 9000 section 5.1).</summary>
    internal ConnectionId Create()
    {
        Span<byte> id = stackalloc byte[Length];
        _randomness.FillPublic(id[..RandomLength]);
        WriteMark(id[..RandomLength], id[RandomLength..]);
        return new ConnectionId(id);
    }

    /// <summary>True if this process, or one before it with the same key, made the id (or somebody guessed 24 bits).</summary>
    internal bool IsMarked(in ConnectionId id)
    {
        if (id.Length != Length)
            return false;
        Span<byte> mark = stackalloc byte[Length - RandomLength];
        WriteMark(id.Span[..RandomLength], mark);
        return CryptographicOperations.FixedTimeEquals(mark, id.Span[RandomLength..]);
    }

    /// <summary>Writes the id's stateless reset token, 16 bytes.</summary>
    internal void WriteResetToken(in ConnectionId id, Span<byte> token)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_tokenKey, id.Span, hash);
        hash[..ResetTokenLength].CopyTo(token);
    }

    private void WriteMark(ReadOnlySpan<byte> random, Span<byte> mark)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_markKey, random, hash);
        hash[..mark.Length].CopyTo(mark);
    }
}
