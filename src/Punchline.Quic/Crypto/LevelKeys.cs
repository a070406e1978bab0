namespace Punchline.Quic.Crypto;

/// <summary>The keys of one direction at a level whose keys never change: Initial or Handshake.</summary>
internal sealed class LevelKeys : IDisposable
{
    private LevelKeys(AeadKey aead, HeaderKey header)
    {
        Aead = aead;
        Header = header;
    }

    public AeadKey Aead { get; }

    public HeaderKey Header { get; }

    /// <summary>The keys of a traffic secret; the secret stays the caller's to erase.</summary>
    public static LevelKeys FromSecret(ReadOnlySpan<byte> secret) => new(AeadKey.FromSecret(secret), HeaderKey.FromSecret(secret));

    public void Dispose()
    {
        Aead.Dispose();
        Header.Dispose();
    }
}
