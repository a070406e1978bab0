using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>The size of datagrams of one path (RFC 9000 section 14.2; RFC 8899).</summary>
public sealed class MtuDiscoveryTests
{
    private static readonly Instant Now = Instant.Zero + TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(1452)]
    [InlineData(1300)]
    [InlineData(1201)]
    public void The_search_ends_within_its_precision_of_what_passes(int passes)
    {
        var mtu = new MtuDiscovery(1500) { IsEnabled = true };
        int probes = 0;
        while (mtu.DueProbe is > 0 and int size && probes++ < 100)
        {
            mtu.OnProbeSent();
            if (size <= passes)
                mtu.OnProbeAcknowledged(size, Now);
            else
                mtu.OnProbeLost(Now);
            Assert.InRange(mtu.Current, MtuDiscovery.BaseSize, passes);
        }
        Assert.InRange(mtu.Current, Math.Max(MtuDiscovery.BaseSize, passes - 16), passes);
        Assert.InRange(probes, 1, 30);
    }

    [Theory]
    [InlineData(1200)]
    [InlineData(576)]
    [InlineData(0)]
    public void A_claim_that_not_even_1200_bytes_pass_changes_nothing(int size) // section 14.2.1
    {
        var mtu = new MtuDiscovery(1500) { IsEnabled = true };
        mtu.OnProbeSent();
        mtu.OnProbeAcknowledged(1500, Now);

        mtu.OnTooLarge(size, Now);

        Assert.Equal(1500, mtu.Current);
    }

    [Fact]
    public void Each_path_begins_with_1200_bytes_and_goes_back_to_them() // sections 14.2 and 14.3
    {
        var mtu = new MtuDiscovery(1500) { IsEnabled = true };
        Assert.Equal(1200, mtu.Current);
        mtu.OnProbeSent();
        mtu.OnProbeAcknowledged(1500, Now);

        mtu.OnBlackHole(Now);

        Assert.Equal(1200, mtu.Current);
    }
}
