namespace Punchline.Quic.Crypto;

/// <summary>How often keys may be used (RFC 9001 section 6.6, RFC 9846 section 5.5): our own, as the peer may know other limits.</summary>
/// <param name="Confidentiality">Packets sealed with one key.</param>
/// <param name="Update">Packets sealed with one key after which its successor is wanted.</param>
/// <param name="Exhausted">Packets sealed with one key after which only a close may follow.</param>
/// <param name="Integrity">Packets of one connection that failed to open.</param>
internal readonly record struct AeadLimits(ulong Confidentiality, ulong Update, ulong Exhausted, ulong Integrity)
{
    /// <summary>
    /// AEAD_AES_128_GCM. An update is wanted at half the limit: the other half is ample for the round trips
    /// that the update may have to wait for.
    /// </summary>
    public static AeadLimits Aes128Gcm => new(1UL << 23, 1UL << 22, (1UL << 23) - CloseReserve, 1UL << 52);

    /// <summary>Closes are repeated while the peer still sends (RFC 9000 section 10.2.1), rate-limited: this is plenty.</summary>
    private const ulong CloseReserve = 1024;
}
