using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>Which of two paths data takes; addresses change seldom (RFC 9000 section 9.5).</summary>
public sealed class PathChooserTests
{
    [Theory]
    [InlineData(true, true, false, 50, true, true, false, 46, false, "a gain below 5 ms is noise")]
    [InlineData(true, true, false, 50, true, true, false, 45, true, "a gain of 5 ms")]
    [InlineData(true, true, false, 45, true, true, false, 50, false, "and not back")]
    [InlineData(true, true, false, 50, true, true, true, 48, true, "IPv6 is favoured by 3 ms")]
    [InlineData(true, true, true, 50, true, true, false, 44, false, "and kept for as much")]
    [InlineData(true, false, false, 5, true, true, false, 200, true, "direct before relayed, however long")]
    [InlineData(true, true, false, 200, true, false, false, 5, false, "and not back")]
    [InlineData(false, true, false, 5, true, false, false, 200, true, "anything that works before what does not")]
    [InlineData(true, false, false, 200, false, true, false, 5, false, "nothing that does not")]
    public void A_switch_must_be_worth_it(
        bool usable, bool direct, bool ipv6, int rtt, bool otherUsable, bool otherDirect, bool otherIPv6, int otherRtt, bool switches, string why) =>
        Assert.True(switches == PathChooser.ShouldSwitch(
            new PathChooser.Rating(usable, direct, ipv6, TimeSpan.FromMilliseconds(rtt)),
            new PathChooser.Rating(otherUsable, otherDirect, otherIPv6, TimeSpan.FromMilliseconds(otherRtt))), why);

    [Theory]
    [InlineData(true, true, false, 500, true, "a direct path that stays before one that will be gone, however long")]
    [InlineData(false, true, true, 5, false, "and not back")]
    [InlineData(true, false, false, 5, false, "but not the relay: it serves as long as it is there")]
    [InlineData(true, true, true, 10, true, "of two that go, the shorter one")]
    public void A_path_that_will_be_gone_is_left_for_another_direct_one(bool leaving, bool otherDirect, bool otherLeaving, int otherRtt, bool switches, string why) =>
        Assert.True(switches == PathChooser.ShouldSwitch(
            new PathChooser.Rating(true, true, false, TimeSpan.FromMilliseconds(50), leaving),
            new PathChooser.Rating(true, otherDirect, false, TimeSpan.FromMilliseconds(otherRtt), otherLeaving)), why);

    [Theory]
    [InlineData(PathReach.Public, false, 1, PathReach.OnLink, false, 1, true, "the LAN before hairpinning")]
    [InlineData(PathReach.OnLink, false, 5, PathReach.Public, false, 1, false, "and not back for some milliseconds")]
    [InlineData(PathReach.OnLink, false, 26, PathReach.Public, false, 1, true, "but for many: the link is a bad one")]
    [InlineData(PathReach.Public, false, 1, PathReach.Private, false, 5, true, "the inner side of a carrier's NAT before its outer side")]
    [InlineData(PathReach.Private, false, 1, PathReach.OnLink, false, 5, true, "a link before the inner side")]
    [InlineData(PathReach.OnLink, false, 5, PathReach.Private, false, 1, false, "and not back")]
    [InlineData(PathReach.Virtual, false, 1, PathReach.Public, false, 5, true, "a way of its own before the VPN")]
    [InlineData(PathReach.Virtual, true, 1, PathReach.Public, false, 1, true, "also before the VPN's IPv6")]
    [InlineData(PathReach.Public, false, 14, PathReach.Virtual, false, 1, false, "and not back")]
    [InlineData(PathReach.Public, false, 20, PathReach.Virtual, false, 1, true, "but where the VPN is much shorter")]
    [InlineData(PathReach.OnLink, false, 2, PathReach.OnLink, true, 1, false, "two on one link: noise")]
    [InlineData(PathReach.Public, true, 10, PathReach.Public, false, 10, false, "two far ones: IPv6 is kept")]
    [InlineData(PathReach.Private, false, 10, PathReach.Public, true, 10, false, "the inner side and IPv6: whichever stood first")]
    public void Of_two_that_are_about_equally_long_the_nearer_is_taken(
        PathReach reach, bool ipv6, int rtt, PathReach otherReach, bool otherIPv6, int otherRtt, bool switches, string why) =>
        Assert.True(switches == PathChooser.ShouldSwitch(Direct(reach, ipv6, rtt), Direct(otherReach, otherIPv6, otherRtt)), why);

    [Theory]
    [InlineData(PathReach.OnLink, PathReach.Public, false, "a nearer one is not left for its first samples")]
    [InlineData(PathReach.Public, PathReach.Public, true, "an equally near one is")]
    [InlineData(PathReach.Virtual, PathReach.OnLink, true, "and for a nearer one anyway")]
    public void A_few_samples_do_not_drive_data_away(PathReach reach, PathReach otherReach, bool switches, string why) =>
        Assert.True(switches == PathChooser.ShouldSwitch(Direct(reach, false, 300) with { IsSettled = false }, Direct(otherReach, false, 30)), why);

    [Fact]
    public void Nothing_is_better_than_what_is_better_than_itself()
    {
        PathReach[] reaches = Enum.GetValues<PathReach>();
        PathChooser.Rating[] all = [.. from reach in reaches from ipv6 in (bool[])[false, true] from rtt in (int[])[0, 3, 5, 8, 13, 30] select Direct(reach, ipv6, rtt)];
        foreach (PathChooser.Rating one in all)
        {
            foreach (PathChooser.Rating other in all)
                Assert.False(PathChooser.ShouldSwitch(one, other) && PathChooser.ShouldSwitch(other, one), $"{one} and {other} alternate");
        }
    }

    private static PathChooser.Rating Direct(PathReach reach, bool ipv6, int rtt) =>
        new(true, true, ipv6, TimeSpan.FromMilliseconds(rtt), Reach: reach);
}
