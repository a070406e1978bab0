using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>The running hash over all handshake messages (RFC 9846 section 4.1).</summary>
internal sealed class Transcript : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds a message, with its header.</summary>
    public void Append(ReadOnlySpan<byte> message) => _hash.AppendData(message);

    /// <summary>The hash of everything so far; the transcript goes on.</summary>
    public void GetHash(Span<byte> destination) => _hash.GetCurrentHash(destination);

    /// <summary>Adds a ClientHello that ends with binders, and gives the hash that they are made of (RFC 9846 section 4.3.11.2).</summary>
    /// <param name="hello">The whole message.</param>
    /// <param name="bindersLength">The bytes at its end that the hash leaves out.</param>
    /// <param name="hash">32 bytes.</param>
    public void AppendWithBinders(ReadOnlySpan<byte> hello, int bindersLength, Span<byte> hash)
    {
        Append(hello[..^bindersLength]);
        GetHash(hash);
        Append(hello[^bindersLength..]);
    }

    /// <summary>
    /// A HelloRetryRequest follows: the first ClientHello is replaced by a message_hash message that holds its hash.
    /// </summary>
    public void ReplaceWithMessageHash()
    {
        Span<byte> message = stackalloc byte[4 + TlsCodes.HashLength];
        message[0] = (byte)HandshakeType.MessageHash;
        message[1] = 0;
        message[2] = 0;
        message[3] = TlsCodes.HashLength;
        _hash.GetHashAndReset(message[4..]);
        _hash.AppendData(message);
    }

    public void Dispose() => _hash.Dispose();
}
