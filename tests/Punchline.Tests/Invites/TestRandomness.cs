using Punchline.Quic;

namespace Punchline.Tests.Invites;

/// <summary>The same bytes in every run.</summary>
internal sealed class TestRandomness(int seed) : IRandomness
{
    private readonly Random _random = new(seed);

    public void FillPublic(Span<byte> destination) => _random.NextBytes(destination);

    public void FillSecret(Span<byte> destination) => _random.NextBytes(destination);
}
