using Punchline.Stun;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What is tried for each pair of networks: the types of the laboratory, as STUN shows them with a server of one address.</summary>
public sealed class TraversalStrategyTests
{
    private static readonly Dictionary<string, NatReport> Types = new()
    {
        ["none"] = Report(NatMapping.EndpointIndependent, NatFiltering.PortIndependent, translated: false),
        ["fw"] = Report(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, translated: false),
        ["eim-eif"] = Report(NatMapping.PortIndependent, NatFiltering.PortIndependent),
        ["eim-adf"] = Report(NatMapping.PortIndependent, NatFiltering.PortIndependent),
        ["eim-apdf"] = Report(NatMapping.PortIndependent, NatFiltering.AddressAndPortDependent),
        ["linux"] = Report(NatMapping.PortIndependent, NatFiltering.AddressAndPortDependent, allocation: PortAllocation.Preserving),
        ["adm-apdf"] = Report(NatMapping.AddressDependent, NatFiltering.AddressAndPortDependent, allocation: PortAllocation.Random),
        ["seq-apdf"] = Report(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, allocation: PortAllocation.Sequential),
        ["apdm-eif"] = Report(NatMapping.AddressAndPortDependent, NatFiltering.PortIndependent, allocation: PortAllocation.Random),
        ["apdm-adf"] = Report(NatMapping.AddressAndPortDependent, NatFiltering.PortIndependent, allocation: PortAllocation.Random),
        ["apdm-apdf"] = Report(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, allocation: PortAllocation.Random),
    };

    // Row: client; column: host. x exchange, c the client opens, h the host opens, - nothing; capital: at once.
    private static readonly string[] Table =
    [
        "            none fw  eim-eif eim-adf eim-apdf linux adm-apdf seq-apdf apdm-eif apdm-adf apdm-apdf",
        "none        x    x   xh      xh      xh       x     h        x        h        h        h",
        "fw          x    x   xh      xh      xh       x     H        X        h        h        H",
        "eim-eif     xc   xc  xch     xch     xch      xc    h        x        h        h        h",
        "eim-adf     xc   xc  xch     xch     xch      xc    h        x        h        h        h",
        "eim-apdf    xc   xc  xch     xch     xch      xc    H        X        h        h        H",
        "linux       x    x   xh      xh      xh       x     H        X        h        h        H",
        "adm-apdf    c    C   c       c       C        C     -        -        -        -        -",
        "seq-apdf    x    X   x       x       X        X     -        X        -        -        -",
        "apdm-eif    c    c   c       c       c        c     -        -        -        -        -",
        "apdm-adf    c    c   c       c       c        c     -        -        -        -        -",
        "apdm-apdf   c    C   c       c       C        C     -        -        -        -        -",
    ];

    [Fact]
    public void Every_pair_has_its_methods()
    {
        string[] hosts = Words(Table[0]);
        foreach (string line in Table[1..])
        {
            string[] cells = Words(line);
            for (int i = 0; i < hosts.Length; i++)
            {
                TraversalPlan plan = TraversalStrategy.Choose(Types[cells[0]], Types[hosts[i]]);
                string found = string.Concat(plan.Methods.Select(Letter));
                found = found.Length == 0 ? "-" : plan.AtOnce ? found.ToUpperInvariant() : found;
                Assert.True(found == cells[i + 1], $"{cells[0]} to {hosts[i]}: {found}, not {cells[i + 1]}");
            }
        }
    }

    [Fact]
    public void Whoever_lets_in_everybody_needs_no_method_against_a_hard_NAT()
    {
        NatReport open = Report(NatMapping.EndpointIndependent, NatFiltering.EndpointIndependent);
        TraversalPlan plan = TraversalStrategy.Choose(open, Types["apdm-apdf"]);
        Assert.False(plan.AtOnce);
        Assert.Empty(plan.Methods);
        Assert.Equal([TraversalMethod.Exchange], TraversalStrategy.Choose(open, Types["linux"]).Methods);
    }

    [Fact]
    public void Of_what_is_unknown_the_best_is_hoped_and_plain_probing_goes_first()
    {
        NatReport unknown = NatReport.From(default, []);
        TraversalPlan plan = TraversalStrategy.Choose(unknown, unknown);
        Assert.False(plan.AtOnce);
        Assert.Equal([TraversalMethod.Exchange, TraversalMethod.ClientOpens, TraversalMethod.HostOpens], plan.Methods);
        Assert.False(TraversalStrategy.Choose(unknown, Types["apdm-apdf"]).AtOnce);
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static char Letter(TraversalMethod method) => method switch
    {
        TraversalMethod.Exchange => 'x',
        TraversalMethod.ClientOpens => 'c',
        TraversalMethod.HostOpens => 'h',
        _ => '?',
    };

    private static NatReport Report(
        NatMapping mapping, NatFiltering filtering, bool translated = true, PortAllocation allocation = PortAllocation.Unknown) =>
        new(mapping, filtering, translated, allocation == PortAllocation.Preserving, true, allocation,
            allocation == PortAllocation.Sequential ? (byte)1 : (byte)0);
}
