using System.Globalization;

namespace Punchline.Cli.Settings;

/// <summary>An amount that a site may bound, or that it wants no bound.</summary>
/// <param name="Value">Bytes, or bytes a second; null for no bound.</param>
internal sealed record Amount(long? Value);

/// <summary>Reads rates and sizes as people write them: a number and its unit, decimal as on a provider's bill, or 'no'.</summary>
internal static class Amounts
{
    /// <summary>A petabyte, far above what one machine carries in a day or a second; only so that sums stay numbers.</summary>
    private const double Max = 1e15;

    /// <summary>Less than this in a second, or in a day, carries no data: that is what --relay off is for.</summary>
    private const double Min = 1000;

    private static readonly (string Unit, double Factor)[] Bytes =
        [("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("kib", 1024), ("mib", 1024.0 * 1024), ("gib", 1024.0 * 1024 * 1024), ("tib", 1024.0 * 1024 * 1024 * 1024)];

    private static readonly (string Unit, double Factor)[] Bits = [("kbit", 1e3 / 8), ("mbit", 1e6 / 8), ("gbit", 1e9 / 8)];

    /// <summary>Bytes a second: 8mbit, 1.5gbit, 500kbit; or 2MB, each perhaps with "/s".</summary>
    public static Parsed<Amount> Rate(string text) =>
        Read(text.EndsWith("/s", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text, [.. Bits, .. Bytes], "is no rate from 8kbit on, such as 8mbit or 1MB/s, nor 'no'");

    /// <summary>Bytes: 10GB, 500MB, 1.5TB; GiB and the like count by 1,024.</summary>
    public static Parsed<Amount> Size(string text) => Read(text, Bytes, "is no amount from 1kB on, such as 10GB or 500MB, nor 'no'");

    private static Parsed<Amount> Read(string text, (string Unit, double Factor)[] units, string wrong)
    {
        if (text.Equals("no", StringComparison.OrdinalIgnoreCase))
            return new Amount((long?)null);
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
            digits++;
        foreach (var (unit, factor) in units)
        {
            if (text.AsSpan(digits).Trim().Equals(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
                && value * factor is >= Min and <= Max)
            {
                return new Amount((long)(value * factor));
            }
        }
        return Parsed<Amount>.Wrong(wrong);
    }
}
