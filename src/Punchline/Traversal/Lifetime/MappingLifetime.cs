using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>How long a mapping lives without traffic, as far as trials have shown it. The default knows nothing.</summary>
/// <param name="Held">The longest silence that it survived; null if none is known.</param>
/// <param name="Failed">The shortest that it did not, twice; null if none is known.</param>
internal readonly record struct IdleBounds(TimeSpan? Held, TimeSpan? Failed);

/// <summary>What is known of the lifetime of mappings in one network.</summary>
/// <param name="Stream">Of mappings with traffic in both directions: of paths in use.</param>
/// <param name="Brief">Of mappings that have just been opened; never longer than those in use, as the search for it begins there.</param>
/// <param name="LearntAt">When the last trial ended.</param>
internal sealed record MappingLifetime(IdleBounds Stream, IdleBounds Brief, Instant LearntAt)
{
    /// <summary>Keep-alives leave after this part of the silence that is known to be survived: timers of routers are coarse, and one datagram may be lost.</summary>
    private const double Margin = 0.75;

    /// <summary>Both searches have come to their end.</summary>
    public bool IsComplete { get; init; }

    /// <summary>Nothing is known.</summary>
    public static readonly MappingLifetime Unknown = new(default, default, Instant.Zero);

    /// <summary>The longest distance of keep-alives that keeps a mapping; null if it is not known, or the trials failed at all times that were tried.</summary>
    /// <param name="use">What goes through it. A question with its answer, as from time to time to a server, is <see cref="MappingUse.Brief"/>
    /// also where the mapping is old: the NAT may have lost it meanwhile, and then each question opens one that was never in use.</param>
    public TimeSpan? KeepAliveOf(MappingUse use) => (use == MappingUse.Stream ? Stream : Brief).Held * Margin;
}
