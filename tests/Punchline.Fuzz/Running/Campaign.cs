namespace Punchline.Fuzz.Running;

/// <summary>
/// Mutates a corpus and runs what comes of it, in this process. With a coverage map an input that takes a new way joins the corpus, so
/// that later ones go further from there; without one the corpus stays as it is.
/// </summary>
internal sealed class Campaign(IFuzzTarget target, ulong seed, CoverageMap? coverage)
{
    /// <summary>Runs between two looks at the clock.</summary>
    private const int RunsBetweenLooks = 64;

    private readonly Mutator _mutator = new(seed);
    private readonly byte[] _input = new byte[target.MaxLength];

    /// <summary>What mutations are made from.</summary>
    public List<byte[]> Inputs { get; } = [];

    /// <summary>Runs so far, those of the corpus included.</summary>
    public long Executions { get; private set; }

    /// <summary>Runs every input of a corpus once, then mutations until a limit is reached.</summary>
    /// <param name="corpus">Where to begin.</param>
    /// <param name="runs">Mutations at most.</param>
    /// <param name="limit">Time at most; endless for a count that is the same on each machine.</param>
    /// <returns>The first input for which something does not hold, or null.</returns>
    public Failure? Run(IEnumerable<byte[]> corpus, long runs, TimeSpan limit)
    {
        using var watchdog = new Watchdog(target, _input);
        foreach (byte[] input in corpus)
        {
            int length = Math.Min(input.Length, _input.Length);
            input.AsSpan(0, length).CopyTo(_input);
            if (Execute(length, watchdog, out _) is { } failure)
                return failure;
            Inputs.Add(input);
        }
        long startedAt = TimeProvider.System.GetTimestamp();
        for (long run = 0; run < runs; run++)
        {
            if (run % RunsBetweenLooks == 0 && limit != Timeout.InfiniteTimeSpan && TimeProvider.System.GetElapsedTime(startedAt) > limit)
                return null;
            int length = _mutator.Next(Inputs, _input);
            if (Execute(length, watchdog, out bool isNew) is { } failure)
                return failure;
            if (isNew)
                Inputs.Add(_input.AsSpan(0, length).ToArray());
        }
        return null;
    }

    /// <summary>Runs the first bytes of the buffer.</summary>
    private Failure? Execute(int length, Watchdog watchdog, out bool isNew)
    {
        isNew = false;
        Executions++;
        watchdog.Begin(length);
        coverage?.Clear();
        try
        {
            Execution.Run(target, _input.AsSpan(0, length));
        }
#pragma warning disable CA1031 // Whatever comes out is a finding.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            return Failure.Keep(target, _input.AsSpan(0, length), cause);
        }
        isNew = coverage?.Merge() ?? false;
        return null;
    }
}
