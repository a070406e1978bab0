using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

/// <summary>How much data one DATAGRAM frame may carry (RFC 9221 section 3).</summary>
public sealed class DatagramFrameTests
{
    [Theory]
    [InlineData(1200, 0ul, 0)]
    [InlineData(1200, 1ul, 0)]
    [InlineData(1200, 2ul, 0)]
    [InlineData(1200, 3ul, 1)]
    [InlineData(1200, 65ul, 62)]
    [InlineData(1200, 1199ul, 1196)]
    [InlineData(1200, 65_535ul, 1197)]
    [InlineData(1200, ulong.MaxValue, 1197)]
    [InlineData(2, 65_535ul, 0)]
    [InlineData(0, 65_535ul, 0)]
    [InlineData(-5, 65_535ul, 0)]
    public void A_limit_counts_the_whole_frame(int room, ulong peersLimit, int expected)
    {
        Assert.Equal(expected, DatagramFrame.LargestData(room, peersLimit));
        Assert.True(expected == 0 || DatagramFrame.HeaderLength(expected) + expected <= Math.Min(room, (long)Math.Min(peersLimit, int.MaxValue)));
    }
}
