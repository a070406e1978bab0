using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Punchline.Quic.Crypto;

/// <summary>
/// Packet protection with AEAD_AES_128_GCM (RFC 9001 section 5.3), in place:
/// the header is authenticated, what follows it is encrypted, the tag stands at the end.
/// </summary>
internal sealed class AeadKey : IDisposable
{
    /// <summary>The bytes that protection adds to each packet.</summary>
    public const int TagLength = 16;

    private const int KeyLength = 16;
    private const int NonceLength = 12;

    private readonly AesGcm _aead;
    private readonly byte[] _iv;

    private AeadKey(AesGcm aead, byte[] iv)
    {
        _aead = aead;
        _iv = iv;
    }

    /// <summary>The key and IV of a traffic secret (RFC 9001 section 5.1).</summary>
    public static AeadKey FromSecret(ReadOnlySpan<byte> trafficSecret)
    {
        Span<byte> key = stackalloc byte[KeyLength];
        byte[] iv = new byte[NonceLength];
        QuicKeyDerivation.ExpandLabel(trafficSecret, "quic key"u8, key);
        QuicKeyDerivation.ExpandLabel(trafficSecret, "quic iv"u8, iv);
        var aead = new AesGcm(key, TagLength);
        CryptographicOperations.ZeroMemory(key);
        return new AeadKey(aead, iv);
    }

    /// <summary>Encrypts and authenticates a packet.</summary>
    /// <param name="packet">Header, plaintext, and 16 bytes of room for the tag.</param>
    /// <param name="headerLength">The bytes up to and with the packet number.</param>
    public void Seal(Span<byte> packet, int headerLength, ulong packetNumber)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        MakeNonce(nonce, packetNumber);
        Span<byte> payload = packet[headerLength..^TagLength];
        _aead.Encrypt(nonce, payload, payload, packet[^TagLength..], packet[..headerLength]);
    }

    /// <summary>Checks and decrypts a packet whose header protection is removed.</summary>
    /// <param name="packet">
    /// Header, ciphertext, tag. The plaintext takes the ciphertext's place; on failure that place is undefined, the tag unchanged.
    /// </param>
    /// <param name="headerLength">The bytes up to and with the packet number.</param>
    /// <returns>False if the packet is too short or not authentic. Only that allocates (some hundred bytes, at once garbage).</returns>
    public bool TryOpen(Span<byte> packet, int headerLength, ulong packetNumber)
    {
        if (packet.Length - TagLength < headerLength)
            return false;
        Span<byte> nonce = stackalloc byte[NonceLength];
        MakeNonce(nonce, packetNumber);
        Span<byte> payload = packet[headerLength..^TagLength];
        // The base library says "not authentic" by an exception. The only way around it, to encrypt again and compare the tags,
        // was measured to cost about as much as the exception, and would cost every authentic packet twice as much: so it stays.
        try
        {
            _aead.Decrypt(nonce, payload, packet[^TagLength..], payload, packet[..headerLength]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _aead.Dispose();
        CryptographicOperations.ZeroMemory(_iv);
    }

    /// <summary>The IV, its last eight bytes combined with the packet number (RFC 9001 section 5.3).</summary>
    private void MakeNonce(Span<byte> nonce, ulong packetNumber)
    {
        _iv.CopyTo(nonce);
        Span<byte> low = nonce[^sizeof(ulong)..];
        BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) ^ packetNumber);
    }
}
