using Punchline.Protocol;
using Punchline.Tests.Invites;
using Punchline.Traversal.Lifetime;
using Xunit;

namespace Punchline.Tests.Traversal.Lifetime;

/// <summary>The smaller of two silences.</summary>
public sealed class QuietAgreementTests
{
    private readonly QuietAgreement _quiet = new();

    [Theory]
    [InlineData(82.5, 41, 41)]
    [InlineData(21, 82, 21)]
    [InlineData(0, 82, 0)]
    [InlineData(21, 0, 0)]
    [InlineData(5000, 65535, 300)]
    public void The_smaller_counts_and_who_does_not_know_agrees_to_nothing(double own, ushort peer, int agreed)
    {
        _quiet.OnPeer(peer);
        _quiet.Look(TimeSpan.FromSeconds(own), out _);
        Assert.Equal(agreed, _quiet.Quiet.TotalSeconds);
    }

    [Fact]
    public void The_golden_sample_is_what_we_write_and_what_we_read()
    {
        byte[] written = TunnelCodec.Write(new QuietMessage(82));
        Assert.Contains(Convert.ToHexStringLower(written), Samples.Of("tunnel.md"));
        Assert.Equal(TunnelReadStatus.Ok, TunnelCodec.TryRead(written, out TunnelMessage? read, out int consumed));
        Assert.Equal(new QuietMessage(82), read);
        Assert.Equal(written.Length, consumed);
        Assert.Equal(TunnelReadStatus.Malformed, TunnelCodec.TryRead([0x00, 0x10, 1, 82], out _, out _));
    }

    [Fact]
    public void Only_news_is_told_and_that_nothing_is_known_any_more_is_news()
    {
        Assert.False(_quiet.Look(TimeSpan.Zero, out _));
        Assert.True(_quiet.Look(TimeSpan.FromSeconds(82.5), out ushort word));
        Assert.Equal(82, word);
        Assert.False(_quiet.Look(TimeSpan.FromSeconds(82.5), out _));
        Assert.True(_quiet.Look(TimeSpan.Zero, out word));
        Assert.Equal(0, word);
    }
}
