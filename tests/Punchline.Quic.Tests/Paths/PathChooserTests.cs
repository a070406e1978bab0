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
}
