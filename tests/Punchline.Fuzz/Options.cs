using System.Globalization;
using System.Security.Cryptography;

namespace Punchline.Fuzz;

/// <summary>How long a campaign goes on, and from which seed.</summary>
/// <param name="Runs">Mutations of a target at most.</param>
/// <param name="Limit">Time for a target at most.</param>
/// <param name="Seed">Where the mutator begins; another one each time unless it is given.</param>
/// <param name="Out">Where inputs go that take a new way; null keeps none.</param>
internal sealed record Options(long Runs, TimeSpan Limit, ulong Seed, string? Out)
{
    /// <summary>Without a limit: a look at every target within a few minutes.</summary>
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(10);

    /// <summary>Reads pairs of name and value.</summary>
    /// <exception cref="ArgumentException">An unknown name, or no value.</exception>
    public static Options Parse(ReadOnlySpan<string> words)
    {
        var options = new Options(long.MaxValue, Timeout.InfiniteTimeSpan, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), null);
        for (; words.Length >= 2; words = words[2..])
        {
            string value = words[1];
            options = words[0] switch
            {
                "--runs" => options with { Runs = long.Parse(value, CultureInfo.InvariantCulture) },
                "--seconds" => options with { Limit = TimeSpan.FromSeconds(double.Parse(value, CultureInfo.InvariantCulture)) },
                "--seed" => options with { Seed = ulong.Parse(value, CultureInfo.InvariantCulture) },
                "--out" => options with { Out = value },
                _ => throw new ArgumentException($"unknown option '{words[0]}'", nameof(words)),
            };
        }
        if (words.Length == 1)
            throw new ArgumentException($"'{words[0]}' needs a value", nameof(words));
        return options is { Runs: long.MaxValue } && options.Limit == Timeout.InfiniteTimeSpan ? options with { Limit = DefaultLimit } : options;
    }
}
