namespace Punchline.Cli.Settings;

/// <summary>A value from text, or in its place what is wrong with the text: the end of a sentence.</summary>
internal readonly record struct Parsed<T>(T? Value, string? Error)
{
    public static implicit operator Parsed<T>(T value) => new(value, null);

    public static Parsed<T> Wrong(string error) => new(default, error);
}
