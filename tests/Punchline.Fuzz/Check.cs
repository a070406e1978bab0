namespace Punchline.Fuzz;

/// <summary>Something that must hold for every input does not hold for this one.</summary>
internal sealed class FuzzFailureException : Exception
{
    public FuzzFailureException()
    {
    }

    public FuzzFailureException(string message)
        : base(message)
    {
    }

    public FuzzFailureException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>What targets assert.</summary>
internal static class Check
{
    /// <summary>Fails unless the condition holds.</summary>
    /// <param name="what">What does not hold, if it does not.</param>
    public static void That(bool condition, string what)
    {
        if (!condition)
            throw new FuzzFailureException(what);
    }

    /// <summary>Fails unless both are the same bytes.</summary>
    public static void Same(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        if (!expected.SequenceEqual(actual))
            throw new FuzzFailureException($"{what}: {Convert.ToHexStringLower(expected)} is not {Convert.ToHexStringLower(actual)}");
    }
}
