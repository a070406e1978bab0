namespace Punchline.Fuzz.Running;

/// <summary>One run of a target, and the bound on what it allocates.</summary>
internal static class Execution
{
    /// <summary>
    /// The runtime allocates for itself on whichever thread happens to run, and a type that is used first runs its initializer. What the
    /// target allocates it allocates each time, so the least of so many runs counts.
    /// </summary>
    private const int Rounds = 3;

    /// <summary>Runs a target on an input.</summary>
    /// <returns>Bytes that it allocated.</returns>
    /// <exception cref="FuzzFailureException">Something did not hold, the bound on allocation for one.</exception>
    public static long Run(IFuzzTarget target, ReadOnlySpan<byte> input)
    {
        if (input.Length > target.MaxLength)
            input = input[..target.MaxLength];
        long bound = target.Allocation.For(input.Length);
        long least = long.MaxValue;
        for (int round = 0; round < Rounds && least > bound; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            target.Run(input);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        if (least > bound)
            throw new FuzzFailureException($"{least} bytes were allocated for an input of {input.Length}; the bound is {bound}");
        return least;
    }
}
