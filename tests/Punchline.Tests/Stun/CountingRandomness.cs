using Punchline.Quic;

namespace Punchline.Tests.Stun;

/// <summary>Bytes that are never twice the same and always the same in each run.</summary>
internal sealed class CountingRandomness : IRandomness
{
    private readonly Random _random = new(20_240);

    public void FillPublic(Span<byte> destination) => _random.NextBytes(destination);

    public void FillSecret(Span<byte> destination) => throw new InvalidOperationException("STUN has no secrets.");
}
