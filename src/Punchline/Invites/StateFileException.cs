namespace Punchline.Invites;

/// <summary>A file of the state directory cannot be read, understood or written. It is never overwritten then.</summary>
public sealed class StateFileException : IOException
{
    /// <summary>For serialization frameworks; prefer the other constructor.</summary>
    public StateFileException()
    {
    }

    /// <summary>An error without a path.</summary>
    public StateFileException(string message)
        : base(message)
    {
    }

    /// <summary>An error without a path.</summary>
    public StateFileException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An error of one file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong and what to do, as the end of a sentence.</param>
    /// <param name="innerException">What the system said, if anything.</param>
    public StateFileException(string path, string problem, Exception? innerException)
        : base($"{path}: {problem}", innerException) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; } = "";
}
