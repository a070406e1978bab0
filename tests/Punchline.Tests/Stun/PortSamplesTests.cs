using Punchline.Stun;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>Whether a NAT counts, and how far it will have counted.</summary>
public sealed class PortSamplesTests
{
    [Theory]
    [InlineData(PortAllocation.Unknown, 0)]
    [InlineData(PortAllocation.Unknown, 0, 20_000, 20_001, 20_002)]
    [InlineData(PortAllocation.Sequential, 1, 20_000, 20_001, 20_002, 20_003)]
    [InlineData(PortAllocation.Sequential, 2, 20_000, 20_002, 20_004, 20_006)]
    // Flows of others come between.
    [InlineData(PortAllocation.Sequential, 1, 20_000, 20_001, 20_004, 20_005)]
    [InlineData(PortAllocation.Sequential, 5, 20_000, 20_005, 20_010, 20_015)]
    // The range ends, and begins anew.
    [InlineData(PortAllocation.Sequential, 1, 22_046, 22_047, 20_000, 20_001)]
    [InlineData(PortAllocation.Random, 0, 20_000, 20_006, 20_012, 20_018)]
    [InlineData(PortAllocation.Random, 0, 20_000, 20_000, 20_000, 20_000)]
    [InlineData(PortAllocation.Random, 0, 40_000, 1_500, 60_123, 8_000)]
    [InlineData(PortAllocation.Random, 0, 20_003, 20_002, 20_001, 20_000)]
    internal void A_rule_is_seen_in_four_ports_or_not_at_all(PortAllocation expected, byte step, params int[] ports)
    {
        Assert.Equal(expected, PortSamples.Classify(ports.Select(port => (ushort)port).ToArray(), out byte found));
        Assert.Equal(step, found);
    }

    [Fact]
    public void The_next_ports_follow_and_end_with_the_last_there_is()
    {
        Assert.Equal([20_002, 20_004, 20_006], PortSamples.Next(20_000, 2, 3));
        Assert.Equal([65_535], PortSamples.Next(65_534, 1, 10));
    }
}
