namespace Punchline.Quic.Streams;

/// <summary>The stream offsets from <see cref="Start"/> to before <see cref="End"/>.</summary>
internal readonly record struct OffsetRange(ulong Start, ulong End)
{
    /// <summary>The number of bytes.</summary>
    public ulong Length => End - Start;
}
