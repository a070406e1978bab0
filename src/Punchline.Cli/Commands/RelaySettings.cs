using System.CommandLine;
using Punchline.Cli.Settings;
using Punchline.Server;

namespace Punchline.Cli.Commands;

/// <summary>How much <c>serve</c> relays: a level, and bounds that replace those of the level.</summary>
internal sealed class RelaySettings
{
    private readonly Setting<string> _level = new("--relay", "off|limited|on",
        "Data for those without a direct path: none, with bounds, or without; without it limited to 8mbit and 10GB a day for a pair", Level);

    private readonly Setting<Amount> _rate = new("--relay-rate", "RATE",
        "What a pair may have in a second, such as 8mbit, or 'no' bound; a host twice, the server 50 times as much", Amounts.Rate);

    private readonly Setting<Amount> _hostRate = new("--relay-host-rate", "RATE", "What all pairs of a host may have in a second", Amounts.Rate);
    private readonly Setting<Amount> _totalRate = new("--relay-total-rate", "RATE", "What all pairs may have in a second", Amounts.Rate);

    private readonly Setting<Amount> _quota = new("--relay-quota", "SIZE",
        "What a pair may have in 24 hours, such as 10GB, or 'no' bound; a host twice as much", Amounts.Size);

    private readonly Setting<Amount> _hostQuota = new("--relay-host-quota", "SIZE", "What all pairs of a host may have in 24 hours", Amounts.Size);
    private readonly Setting<Amount> _totalQuota = new("--relay-total-quota", "SIZE", "What all pairs may have in 24 hours; without it no bound", Amounts.Size);

    public Option[] Options => [_level.Option, .. Bounds.Select(b => b.Option)];

    private Setting<Amount>[] Bounds => [_rate, _hostRate, _totalRate, _quota, _hostQuota, _totalQuota];

    /// <summary>What the server relays; null: nothing.</summary>
    /// <exception cref="UsageException">A value is none, or a bound is named where nothing is relayed.</exception>
    public RelayTerms? Get(ParseResult result, CliHost host)
    {
        var level = _level.Get(result, host) ?? "limited";
        if (level == "off")
        {
            foreach (var bound in Bounds)
            {
                if (bound.Get(result, host) is not null)
                    throw new UsageException($"{bound.Option.Name}: nothing is relayed with --relay off");
            }

            return null;
        }

        var terms = level == "on" ? RelayTerms.Unlimited : RelayTerms.Limited;
        var pair = new RelayBound(Or(_rate, terms.Pair.BytesPerSecond), Or(_quota, terms.Pair.BytesPerDay));
        terms = level == "on" ? terms with { Pair = pair } : RelayTerms.LimitedBy(pair);
        return terms with
        {
            Host = new RelayBound(Or(_hostRate, terms.Host.BytesPerSecond), Or(_hostQuota, terms.Host.BytesPerDay)),
            Total = new RelayBound(Or(_totalRate, terms.Total.BytesPerSecond), Or(_totalQuota, terms.Total.BytesPerDay)),
        };

        long? Or(Setting<Amount> setting, long? usual) => setting.Get(result, host) is { } said ? said.Value : usual;
    }

    private static Parsed<string> Level(string text) =>
        text.ToLowerInvariant() is "off" or "limited" or "on" ? text.ToLowerInvariant() : Parsed<string>.Wrong("is not off, limited or on");
}
