namespace Punchline.Testing;

/// <summary>What a piece of code allocates on this thread once it is warm.</summary>
public static class Allocated
{
    /// <summary>
    /// The runtime allocates for itself on whichever thread happens to run, once: 480 bytes when it starts its compiler's thread, for
    /// one. What the code allocates it allocates in each round, so the least of so many counts.
    /// </summary>
    private const int Rounds = 3;

    /// <summary>Bytes that a round allocates, the runtime's own left out.</summary>
    public static long InRound(Action round)
    {
        ArgumentNullException.ThrowIfNull(round);
        long least = long.MaxValue;
        for (int i = 0; i < Rounds && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
