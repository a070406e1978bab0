namespace Punchline.Cli;

/// <summary>A wrong option or argument; the message is one line that names it and what would be right.</summary>
internal sealed class UsageException(string message) : Exception(message);
