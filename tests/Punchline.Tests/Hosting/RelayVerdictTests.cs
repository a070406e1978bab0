using Punchline.Hosting;
using Punchline.Stun;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Why a connection stays relayed, case by case.</summary>
public sealed class RelayVerdictTests
{
    private static readonly NatReport Unknown = NatReport.From(default, []);
    private static readonly NatReport Easy = Unknown with { Mapping = NatMapping.PortIndependent };
    private static readonly NatReport Hard = Unknown with { Mapping = NatMapping.AddressAndPortDependent };

    private static readonly Dictionary<string, (RelayFacts Facts, RelayCause Cause, string Because)> Cases = new()
    {
        ["nothing is known"] = (new(Unknown, null), RelayCause.Unknown, "no direct path"),
        ["we hide, whatever else"] = (new(Hard, Hard) { WeHide = true, TheyHide = true, WeLackUdp = true }, RelayCause.RelayOnly, "this side"),
        ["they hide"] = (new(Easy, Hard) { TheyHide = true, WeLackUdp = true }, RelayCause.RelayOnly, "the other side"),
        ["no UDP here"] = (new(Hard, Hard) { WeLackUdp = true, TheyLackUdp = true }, RelayCause.NoUdp, "this network"),
        ["no UDP there"] = (new(Hard, Hard) { TheyLackUdp = true }, RelayCause.NoUdp, "the other side's network"),
        ["one NAT before both, hard or not"] = (new(Hard, Easy) { SharesNat = true }, RelayCause.SharedNat, "both sides are behind one NAT"),
        ["one NAT before both, and no UDP"] = (new(Easy, Easy) { SharesNat = true, WeLackUdp = true }, RelayCause.NoUdp, "this network"),
        ["both hard"] = (new(Hard, Hard), RelayCause.HardNats, "both sides"),
        ["we are hard"] = (new(Hard, Easy), RelayCause.HardNat, "this side's NAT"),
        ["we are hard, of them nothing is known"] = (new(Hard, null), RelayCause.HardNat, "this side's NAT"),
        ["they are hard"] = (new(Easy, Hard), RelayCause.HardNat, "the other side's NAT"),
        ["both easy"] = (new(Easy, Easy), RelayCause.Firewall, "both NATs are easy"),
        ["one easy, the other unknown"] = (new(Easy, Unknown), RelayCause.Unknown, "no direct path"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_case_has_its_cause_and_an_advice(string name)
    {
        (RelayFacts facts, RelayCause cause, string because) = Cases[name];
        RelayVerdict verdict = RelayVerdict.Of(facts);
        Assert.Equal(cause, verdict.Cause);
        Assert.StartsWith(because, verdict.Because, StringComparison.Ordinal);
        Assert.NotEmpty(verdict.Advice);
    }
}
