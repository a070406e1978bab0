using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>How a connection ends once its work is done.</summary>
internal enum Ending : byte
{
    ClientCloses,
    HostCloses,
    BothClose,
    ClientDies,
    HostDies,
}

/// <summary>
/// All that one run is made of: a plain value, so that a part can be left out and the rest run again.
/// <code>
///   client -- NAT -- client leg -- relay -- host leg -- NAT -- host       relayed: handshake here,
///               '------------ direct leg ------------'                    and directly once candidates are offered
///
///   client -- NAT -- direct leg -- host                                   plain: RFC 9000 alone
/// </code>
/// </summary>
internal sealed record Scenario
{
    /// <summary>What everything random in the run comes from.</summary>
    internal required ulong Seed { get; init; }

    /// <summary>RFC 9000 alone: no relay, no punching, the host without a NAT.</summary>
    internal bool IsPlain { get; init; }

    /// <summary>Both behind the client's NAT.</summary>
    internal bool SharesNat { get; init; }

    internal NatBehavior ClientNat { get; init; } = new();

    internal NatBehavior HostNat { get; init; } = new();

    internal LinkProfile ClientLeg { get; init; } = new();

    internal LinkProfile HostLeg { get; init; } = new();

    internal LinkProfile DirectLeg { get; init; } = new();

    /// <summary>The relay's bytes a second; 0 is no limit.</summary>
    internal long RelayRate { get; init; }

    /// <summary>When both sides tell their addresses; null for never.</summary>
    internal TimeSpan? OfferAt { get; init; }

    internal TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    internal long MaxStreamWindow { get; init; } = 8 << 20;

    internal long MaxConnectionWindow { get; init; } = 24 << 20;

    internal int MaxStreams { get; init; } = 1024;

    /// <summary>Whether application data may take the relay. Without it only a direct path carries it, as in production.</summary>
    internal bool DataOverRelay { get; init; } = true;

    internal ImmutableArray<Fault> Faults { get; init; } = [];

    internal ImmutableArray<Work> Works { get; init; } = [];

    internal Ending Ending { get; init; }

    /// <summary>Whether it waits a while without work before it ends.</summary>
    internal bool IdlesBeforeEnd { get; init; }

    /// <summary>When the last fault is over.</summary>
    internal TimeSpan HealedAt => Faults.Length == 0 ? TimeSpan.Zero : Faults.Max(static fault => fault.At + fault.Length);

    /// <summary>
    /// True if the connection may end before its work is done: somebody restarts, the silence may outlast the idle timeout (after it
    /// the next probe may need as long again, as the probe timeout doubles), or so much is lost that each probe may be.
    /// </summary>
    internal bool MayDie => Faults.Any(static fault => fault.Kind == FaultKind.Restart) || IsHarsh
        || (2 * Silence) + TimeSpan.FromSeconds(20) > IdleTimeout;

    /// <summary>
    /// True if the host may have given the handshake up, after 30 s, before the client heard its answer: the client then believes in a connection
    /// that nobody has at the other end, until it is idle for too long.
    /// </summary>
    internal bool MayMissTheHandshake => (2 * Silence) + TimeSpan.FromSeconds(20) > TimeSpan.FromSeconds(30);

    /// <summary>
    /// Far more than any timer: work that is not done by then after all is well hangs. A leg that always loses much never is well: there each
    /// flight may need some probe timeouts, which grow with every acknowledgement that is lost (RFC 9002 section 6.2.1).
    /// </summary>
    internal TimeSpan Patience => TimeSpan.FromMinutes(IsHarsh ? 30 : 3);

    /// <summary>All that the faults may keep the two sides apart, one after the other.</summary>
    private TimeSpan Silence => new(Faults.Where(static fault => fault.Silences).Sum(static fault => fault.Length.Ticks));

    private bool IsHarsh => new[] { ClientLeg, HostLeg, DirectLeg }.Any(static leg => leg.Loss > 0.1 || leg.Corrupt > 0.02
        || (leg.Burst is { } burst && burst.Bad / (burst.Good + burst.Bad) > 0.1));

    /// <summary>For people: one part in a line.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"scenario {Seed}: {(IsPlain ? "plain" : SharesNat ? "relayed, one NAT" : "relayed")}, idle timeout {IdleTimeout.TotalSeconds:0}s, windows {MaxStreamWindow} and {MaxConnectionWindow}, {MaxStreams} streams, {(DataOverRelay ? "" : "data directly only, ")}{Ending}{(IdlesBeforeEnd ? " after a pause" : "")}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  NATs: client {ClientNat}{(IsPlain || SharesNat ? "" : $", host {HostNat}")}");
        if (!IsPlain)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  client leg: {Describe(ClientLeg)}");
            text.AppendLine(CultureInfo.InvariantCulture, $"  host leg: {Describe(HostLeg)}, relay {RelayRate} B/s");
        }
        if (IsPlain || OfferAt is not null)
            text.AppendLine(CultureInfo.InvariantCulture, $"  direct leg{(OfferAt is { } at ? $" offered at {at.TotalSeconds}s" : "")}: {Describe(DirectLeg)}");
        foreach (Fault fault in Faults)
            text.AppendLine(CultureInfo.InvariantCulture, $"  fault: {fault}");
        foreach (Work work in Works)
            text.AppendLine(CultureInfo.InvariantCulture, $"  work: {work}");
        return text.ToString();
    }

    private static string Describe(LinkProfile link)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{link.Delay.TotalMilliseconds:0}ms");
        if (link.Jitter > TimeSpan.Zero)
            text.Append(CultureInfo.InvariantCulture, $" jitter {link.Jitter.TotalMilliseconds:0}ms");
        if (link.Rate > 0)
            text.Append(CultureInfo.InvariantCulture, $" {link.Rate}B/s queue {link.Queue}");
        if (link.MaxPayload < new LinkProfile().MaxPayload)
            text.Append(CultureInfo.InvariantCulture, $" mtu {link.MaxPayload}");
        if (link.Burst is { } burst)
            text.Append(CultureInfo.InvariantCulture, $" bursts {burst.Good.TotalMilliseconds:0}/{burst.Bad.TotalMilliseconds:0}ms {burst.LossWhenBad:0.00}");
        foreach ((string name, double share) in new[] { ("loss", link.Loss), ("duplicate", link.Duplicate), ("corrupt", link.Corrupt), ("reorder", link.Reorder) })
        {
            if (share > 0)
                text.Append(CultureInfo.InvariantCulture, $" {name} {share:0.000}");
        }
        return text.ToString();
    }
}
