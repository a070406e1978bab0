using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>One identity a name, made once: thousands of runs share them, as making one costs more than most runs.</summary>
public static class SimulatedIdentities
{
    private static readonly ConcurrentDictionary<string, DeterministicSigner> Known = new();

    /// <summary>The identity of a name, the same in every run.</summary>
    public static ISigner Get(string name) => Known.GetOrAdd(name, static key => new DeterministicSigner(SHA256.HashData(Encoding.UTF8.GetBytes(key))));

    /// <summary>The peer id of a name.</summary>
    public static byte[] IdOf(string name) => SHA256.HashData(Get(name).PublicKeyInfo.Span);
}
