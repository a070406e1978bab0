using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>The search for the size of datagrams that a path carries (RFC 8899 section 5).</summary>
public sealed class MtuDiscoveryTests
{
    private const int Largest = 1472;

    private static readonly TimeSpan RaiseTimer = TimeSpan.FromSeconds(600);

    private Instant _now = Instant.Zero + TimeSpan.FromSeconds(1);

    [Fact]
    public void Nothing_is_probed_before_the_path_carries_data()
    {
        var mtu = new MtuDiscovery(Largest);
        Assert.Equal(0, mtu.DueProbe);
        Assert.Equal(1200, mtu.Current);
    }

    [Fact]
    public void The_largest_size_is_tried_first_and_ends_the_search()
    {
        MtuDiscovery mtu = Begin();
        Assert.Equal(Largest, mtu.DueProbe);
        Answer(mtu, carried: Largest);
        Assert.Equal(Largest, mtu.Current);
        // Section 5.2: no probes in SEARCH_COMPLETE, and nothing above the largest to look for.
        Assert.Equal(0, mtu.DueProbe);
        Assert.False(mtu.RaiseAt.IsSet);
    }

    [Theory]
    [InlineData(1200)]
    [InlineData(1232)]
    [InlineData(1280)]
    [InlineData(1399)]
    [InlineData(1471)]
    public void What_the_path_carries_is_found_but_for_a_few_bytes(int carried)
    {
        MtuDiscovery mtu = Begin();
        int probes = Search(mtu, carried);
        Assert.InRange(mtu.Current, carried - 16, carried);
        // Five halvings, each of at most three probes.
        Assert.InRange(probes, 1, 18);
        Assert.Equal(0, mtu.DueProbe);
        Assert.Equal(_now + RaiseTimer, mtu.RaiseAt);
    }

    [Fact]
    public void One_probe_is_under_way_at_a_time()
    {
        MtuDiscovery mtu = Begin();
        mtu.OnProbeSent();
        Assert.Equal(0, mtu.DueProbe);
        mtu.OnProbeLost(_now);
        Assert.Equal(Largest, mtu.DueProbe);
    }

    [Fact]
    public void A_size_is_ruled_out_by_three_losses_and_not_by_two()
    {
        MtuDiscovery mtu = Begin();
        Answer(mtu, carried: 1200);
        Answer(mtu, carried: 1200);
        Assert.Equal(Largest, mtu.DueProbe);
        Answer(mtu, carried: 1200);
        Assert.InRange(mtu.DueProbe, 1201, Largest - 1);
    }

    [Fact]
    public void The_search_begins_anew_after_ten_minutes()
    {
        MtuDiscovery mtu = Begin();
        Search(mtu, carried: 1300);
        _now += RaiseTimer - TimeSpan.FromSeconds(1);
        mtu.OnTimeout(_now);
        Assert.Equal(0, mtu.DueProbe);
        _now += TimeSpan.FromSeconds(1);
        mtu.OnTimeout(_now);
        Assert.Equal(Largest, mtu.DueProbe);
        Answer(mtu, carried: Largest);
        Assert.Equal(Largest, mtu.Current);
    }

    [Fact]
    public void A_black_hole_leads_back_to_the_base_and_to_a_search_below()
    {
        MtuDiscovery mtu = Begin();
        Answer(mtu, carried: Largest);
        mtu.OnBlackHole(_now);
        Assert.Equal(1200, mtu.Current);
        Search(mtu, carried: 1300);
        Assert.InRange(mtu.Current, 1284, 1300);
    }

    [Fact]
    public void A_black_hole_after_a_search_that_ended_below_the_largest_does_not_wait_for_the_timer()
    {
        MtuDiscovery mtu = Begin();
        Search(mtu, carried: 1400);
        mtu.OnBlackHole(_now);
        Assert.Equal(1200, mtu.Current);
        Assert.InRange(mtu.DueProbe, 1201, 1400);
        Search(mtu, carried: 1300);
        Assert.InRange(mtu.Current, 1284, 1300);
    }

    [Fact]
    public void A_path_at_its_base_cannot_fall_into_a_black_hole()
    {
        MtuDiscovery mtu = Begin();
        mtu.OnBlackHole(_now);
        Assert.Equal(Largest, mtu.DueProbe);
    }

    [Fact]
    public void What_the_peer_does_not_take_is_not_tried()
    {
        var mtu = new MtuDiscovery(Largest);
        mtu.Limit(1350);
        mtu.IsEnabled = true;
        Assert.Equal(1350, mtu.DueProbe);
        mtu.Limit(100);
        Assert.Equal(0, mtu.DueProbe);
    }

    [Fact]
    public void What_the_system_refuses_is_ruled_out_at_once()
    {
        MtuDiscovery mtu = Begin();
        mtu.OnProbeSent();
        mtu.OnTooLarge(Largest, _now);
        Assert.InRange(mtu.DueProbe, 1201, Largest - 1);
        Assert.Equal(1200, mtu.Current);
        Search(mtu, carried: 1400);
        mtu.OnTooLarge(1350, _now);
        Assert.Equal(1200, mtu.Current);
        Assert.InRange(mtu.DueProbe, 1201, 1349);
    }

    [Theory]
    [InlineData(1200)]
    [InlineData(576)]
    [InlineData(0)]
    public void A_claim_that_not_even_1200_bytes_pass_changes_nothing(int size) // RFC 9000 section 14.2.1
    {
        MtuDiscovery mtu = Begin();
        Search(mtu, carried: Largest);
        mtu.OnTooLarge(size, _now);
        Assert.Equal(Largest, mtu.Current);
    }

    private static MtuDiscovery Begin() => new(Largest) { IsEnabled = true };

    private int Search(MtuDiscovery mtu, int carried)
    {
        int probes = 0;
        for (; mtu.DueProbe != 0; probes++)
            Answer(mtu, carried);
        return probes;
    }

    private void Answer(MtuDiscovery mtu, int carried)
    {
        int size = mtu.DueProbe;
        Assert.InRange(size, mtu.Current + 1, Largest);
        mtu.OnProbeSent();
        _now += TimeSpan.FromMilliseconds(50);
        if (size <= carried)
            mtu.OnProbeAcknowledged(size, _now);
        else
            mtu.OnProbeLost(_now);
    }
}
