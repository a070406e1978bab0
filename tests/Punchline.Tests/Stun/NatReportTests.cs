using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>What may be concluded from what servers saw; the rest stays unknown.</summary>
public sealed class NatReportTests
{
    private const string Home = "10.0.0.5:4000";

    /// <summary>Each observation is "server &gt; mapped".</summary>
    [Theory]
    [InlineData(NatMapping.Unknown)]
    [InlineData(NatMapping.Unknown, "1.0.0.1:1 > 9.9.9.9:1")]
    [InlineData(NatMapping.Unknown, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:1 > 9.9.9.9:2")]
    [InlineData(NatMapping.PortIndependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:1")]
    [InlineData(NatMapping.AddressAndPortDependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:2")]
    [InlineData(NatMapping.EndpointIndependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.2:1 > 9.9.9.9:1")]
    [InlineData(NatMapping.EndpointIndependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.2:2 > 9.9.9.9:1")]
    [InlineData(NatMapping.Dependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.2:1 > 9.9.9.9:2")]
    [InlineData(NatMapping.Dependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.2:1 > 9.9.9.8:1")]
    [InlineData(NatMapping.EndpointIndependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:1", "1.0.0.2:1 > 9.9.9.9:1")]
    [InlineData(NatMapping.AddressDependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:1", "1.0.0.2:1 > 9.9.9.9:2")]
    [InlineData(NatMapping.AddressAndPortDependent, "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:2", "1.0.0.2:1 > 9.9.9.9:3")]
    [InlineData(NatMapping.AddressAndPortDependent, "1.0.0.2:1 > 9.9.9.9:3", "1.0.0.1:1 > 9.9.9.9:1", "1.0.0.1:2 > 9.9.9.9:2")]
    internal void The_mapping_follows_from_pairs_of_servers(NatMapping expected, params string[] observations) =>
        Assert.Equal(expected, Report(Home, observations).Mapping);

    [Fact]
    public void Nothing_seen_is_nothing_known() =>
        Assert.Equal(new NatReport(NatMapping.Unknown, NatFiltering.Unknown, null, null, null), Report(Home));

    [Fact]
    public void Without_a_NAT_servers_see_the_local_address()
    {
        NatReport report = Report("9.9.9.9:4000", "1.0.0.1:1 > 9.9.9.9:4000", "1.0.0.2:1 > 9.9.9.9:4000");
        Assert.Equal(new NatReport(NatMapping.EndpointIndependent, NatFiltering.Unknown, false, true, true, PortAllocation.Preserving), report);
    }

    [Fact]
    public void A_preserved_port_and_pooling_are_seen()
    {
        Assert.Equal(
            new NatReport(NatMapping.EndpointIndependent, NatFiltering.Unknown, true, true, true, PortAllocation.Preserving),
            Report(Home, "1.0.0.1:1 > 9.9.9.9:4000", "1.0.0.2:1 > 9.9.9.9:4000"));
        Assert.Equal(
            new NatReport(NatMapping.Dependent, NatFiltering.Unknown, true, false, false),
            Report(Home, "1.0.0.1:1 > 9.9.9.9:4000", "1.0.0.2:1 > 9.9.9.8:4001"));
        Assert.Equal(
            new NatReport(NatMapping.Unknown, NatFiltering.Unknown, true, true, null, PortAllocation.Preserving),
            Report(Home, "1.0.0.1:1 > 9.9.9.9:4000"));
    }

    [Fact]
    public void With_an_unknown_local_address_only_the_port_can_be_compared()
    {
        NatReport report = Report("0.0.0.0:4000", "1.0.0.1:1 > 9.9.9.9:4000");
        Assert.Null(report.IsTranslated);
        Assert.True(report.PreservesPort);
        report = NatReport.From(default, [Observation("1.0.0.1:1 > 9.9.9.9:4000")]);
        Assert.Null(report.IsTranslated);
        Assert.Null(report.PreservesPort);
    }

    [Fact]
    public void The_allocation_is_that_of_the_samples_unless_the_port_is_kept()
    {
        NatObservation[] seen = [Observation("1.0.0.1:1 > 9.9.9.9:1"), Observation("1.0.0.1:2 > 9.9.9.9:2")];
        NatReport report = NatReport.From(Parse(Home), seen, samples: [7_000, 7_001, 7_002, 7_003]);
        Assert.Equal((PortAllocation.Sequential, 1), (report.Allocation, report.Step));
        seen = [Observation("1.0.0.1:1 > 9.9.9.9:4000")];
        Assert.Equal(PortAllocation.Preserving, NatReport.From(Parse(Home), seen, samples: [7_000, 7_001, 7_002, 7_003]).Allocation);
    }

    [Theory]
    [InlineData(null, null, NatFiltering.Unknown)]
    [InlineData(null, true, NatFiltering.PortIndependent)]
    [InlineData(null, false, NatFiltering.AddressAndPortDependent)]
    [InlineData(false, null, NatFiltering.Unknown)]
    [InlineData(false, true, NatFiltering.AddressDependent)]
    [InlineData(false, false, NatFiltering.AddressAndPortDependent)]
    [InlineData(true, null, NatFiltering.EndpointIndependent)]
    [InlineData(true, true, NatFiltering.EndpointIndependent)]
    internal void Filtering_follows_from_answers_from_elsewhere(bool? fromOtherAddress, bool? fromOtherPort, NatFiltering expected) =>
        Assert.Equal(expected, NatReport.FilteringFrom(fromOtherAddress, fromOtherPort));

    private static NatReport Report(string local, params string[] observations) =>
        NatReport.From(Parse(local), observations.Select(Observation).ToArray());

    private static NatObservation Observation(string text)
    {
        string[] parts = text.Split(" > ");
        return new NatObservation(Parse(parts[0]), Parse(parts[1]));
    }

    private static UdpAddress Parse(string text)
    {
        var endPoint = System.Net.IPEndPoint.Parse(text);
        return new UdpAddress(endPoint.Address, endPoint.Port);
    }
}
