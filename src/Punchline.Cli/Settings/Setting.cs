using System.CommandLine;

namespace Punchline.Cli.Settings;

/// <summary>An option with one value that may also come from its environment variable; the option wins.</summary>
internal sealed class Setting<T>
    where T : class
{
    private readonly Func<string, Parsed<T>> _parse;
    private readonly string _variable;

    public Setting(string name, string value, string description, Func<string, Parsed<T>> parse)
    {
        _parse = parse;
        _variable = Variables.NameOf(name);
        Option = new Option<string?>(name) { Description = $"{description} [{_variable}]", HelpName = value };
    }

    public Option<string?> Option { get; }

    /// <summary>The value; null if neither says one.</summary>
    /// <exception cref="UsageException">It says one that is none.</exception>
    public T? Get(ParseResult result, CliHost host)
    {
        var (origin, text) = (Option.Name, result.GetValue(Option));
        if (text is null)
            (origin, text) = (_variable, Variables.Get(host, _variable));
        if (text is null)
            return null;
        var (value, error) = _parse(text);
        return value ?? throw new UsageException($"{origin}: '{text}' {error}");
    }
}

/// <summary>An option that may be repeated; its environment variable holds several between spaces or commas.</summary>
internal sealed class ListSetting<T>
{
    private static readonly char[] Separators = [' ', ',', '\t', '\n', '\r'];

    private readonly Func<string, Parsed<T>> _parse;
    private readonly string _variable;

    public ListSetting(string name, string value, string description, Func<string, Parsed<T>> parse)
    {
        _parse = parse;
        _variable = Variables.NameOf(name);
        Option = new Option<string[]>(name) { Description = $"{description} [{_variable}]", HelpName = value };
    }

    public Option<string[]> Option { get; }

    /// <exception cref="UsageException">One of the values is none.</exception>
    public IReadOnlyList<T> Get(ParseResult result, CliHost host)
    {
        var (origin, texts) = (Option.Name, result.GetValue(Option) ?? []);
        if (texts.Length == 0)
            (origin, texts) = (_variable, Split(Variables.Get(host, _variable)));
        return [.. texts.Select(text => _parse(text) is { Error: null } parsed
            ? parsed.Value!
            : throw new UsageException($"{origin}: '{text}' {_parse(text).Error}"))];
    }

    public static string[] Split(string? text) => text?.Split(Separators, StringSplitOptions.RemoveEmptyEntries) ?? [];
}

/// <summary>An option without a value. Its environment variable is 1, true or yes; or 0, false or no.</summary>
internal sealed class Flag
{
    private readonly string _variable;

    public Flag(string name, string description, params string[] aliases)
    {
        _variable = Variables.NameOf(name);
        Option = new Option<bool>(name, aliases) { Description = $"{description} [{_variable}]" };
    }

    public Option<bool> Option { get; }

    /// <exception cref="UsageException">The variable says neither.</exception>
    public bool Get(ParseResult result, CliHost host) => result.GetValue(Option)
        || (Said(host) ?? throw new UsageException($"{_variable}: '{Variables.Get(host, _variable)}' is neither 1 nor 0"));

    /// <summary>The same, a variable that says neither counting as no.</summary>
    public bool IsSet(ParseResult result, CliHost host) => result.GetValue(Option) || Said(host) == true;

    private bool? Said(CliHost host) => Variables.Get(host, _variable)?.ToUpperInvariant() switch
    {
        null or "0" or "FALSE" or "NO" => false,
        "1" or "TRUE" or "YES" => true,
        _ => null,
    };
}

/// <summary>The environment variables of options.</summary>
internal static class Variables
{
    /// <summary><c>--new-invite</c> is <c>PUNCHLINE_NEW_INVITE</c>.</summary>
    public static string NameOf(string option) => "PUNCHLINE_" + option.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    /// <summary>Its value; an empty one is none.</summary>
    public static string? Get(CliHost host, string name) => host.Variable(name) is { Length: > 0 } value ? value : null;
}
