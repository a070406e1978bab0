namespace Punchline;

/// <summary>A host, client or server ends because of this. The message is one clear line for people.</summary>
public sealed class PunchlineException : Exception
{
    /// <inheritdoc/>
    public PunchlineException()
    {
    }

    /// <inheritdoc/>
    public PunchlineException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public PunchlineException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An end with its reason.</summary>
    public PunchlineException(ProblemCode code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>The reason, for programs.</summary>
    public ProblemCode Code { get; }
}
