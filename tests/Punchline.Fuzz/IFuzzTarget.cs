namespace Punchline.Fuzz;

/// <summary>
/// One reader of network bytes under fuzzing. The same input is the same run: a target has no state that outlives
/// <see cref="Run"/>, but for caches of what costs time, and takes neither a clock nor randomness that was not seeded.
/// </summary>
internal interface IFuzzTarget
{
    /// <summary>Its name on the command line, and the name of its folder in the corpus.</summary>
    string Name { get; }

    /// <summary>What it reads, in one line for people.</summary>
    string Reads { get; }

    /// <summary>Bytes of an input that count; what is longer is cut.</summary>
    int MaxLength { get; }

    /// <summary>What a run may allocate.</summary>
    AllocationBound Allocation { get; }

    /// <summary>Executions of new mutations in one run of the tests: some 200 ms.</summary>
    int TestRuns { get; }

    /// <summary>Inputs to begin from: what our own writers write, and published samples.</summary>
    IEnumerable<byte[]> Seeds();

    /// <summary>Reads an input and checks all that holds for whatever it is.</summary>
    /// <exception cref="FuzzFailureException">Something does not hold. Any other exception is a finding as well.</exception>
    void Run(ReadOnlySpan<byte> input);
}

/// <summary>Bytes that reading may allocate: what is always needed, and so much for each byte that came.</summary>
/// <param name="Fixed">For an empty input: objects that stand whatever comes, errors with their texts.</param>
/// <param name="PerByte">For each byte of input; a reader that trusts an announced length or count soon exceeds it.</param>
internal readonly record struct AllocationBound(long Fixed, long PerByte)
{
    /// <summary>The bound of an input.</summary>
    public long For(int length) => Fixed + PerByte * length;
}
