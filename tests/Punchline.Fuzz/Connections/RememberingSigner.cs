using System.Collections.Concurrent;
using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Fuzz.Connections;

/// <summary>Signs each content once: every run begins with the same handshake, and a signature costs more than all the rest of it.</summary>
internal sealed class RememberingSigner(string name) : ISigner
{
    /// <summary>Handshakes that were altered sign something else each time; what they sign is not worth keeping beyond this.</summary>
    private const int Most = 256;

    private readonly ISigner _signer = SimulatedIdentities.Get(name);
    private readonly ConcurrentDictionary<string, byte[]> _signatures = new();

    public ReadOnlyMemory<byte> Certificate => _signer.Certificate;

    public ReadOnlyMemory<byte> PublicKeyInfo => _signer.PublicKeyInfo;

    public byte[] Sign(ReadOnlySpan<byte> content)
    {
        string key = Convert.ToHexString(content);
        if (_signatures.TryGetValue(key, out byte[]? known))
            return known;
        byte[] signature = _signer.Sign(content);
        if (_signatures.Count < Most)
            _signatures.TryAdd(key, signature);
        return signature;
    }
}
