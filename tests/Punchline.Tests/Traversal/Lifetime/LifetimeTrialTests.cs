using System.Buffers.Binary;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Tests.Udp;
using Punchline.Traversal.Lifetime;
using Xunit;

namespace Punchline.Tests.Traversal.Lifetime;

/// <summary>One trial against a server that keeps its promise when the test says, in virtual time.</summary>
public sealed class LifetimeTrialTests
{
    private static readonly UdpAddress Server = UdpTestPlatforms.Address("192.0.2.9", 3478);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(28);

    private readonly LifetimeTrial _trial = new(Server, Silence, MappingUse.Brief, new SeededRandomness(1));
    private readonly byte[] _buffer = new byte[1200];
    private ulong _token;
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    [Fact]
    public void A_promise_that_is_kept_in_time_shows_that_the_mapping_lives()
    {
        Promise();
        _now += Silence;
        Answer(LaterStatus.Kept);
        Assert.Equal(TrialOutcome.Held, _trial.Outcome);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(26.9)]
    public void A_promise_that_is_kept_too_early_shows_nothing(double seconds)
    {
        Promise();
        _now += TimeSpan.FromSeconds(seconds);
        Answer(LaterStatus.Kept);
        Assert.Equal(TrialOutcome.Unknown, _trial.Outcome);
    }

    private void Promise()
    {
        Ask();
        Assert.True(_trial.TryReceive(_now, Server, _buffer.AsSpan(0, RelayFrame.WriteCookie(_buffer, _token, new byte[RelayFrame.CookieLength]))));
        Ask();
        Answer(LaterStatus.Promised);
        Assert.Equal(TrialOutcome.Pending, _trial.Outcome);
    }

    // Both questions begin with the type and the token.
    private void Ask()
    {
        Assert.True(_trial.TryTransmit(_now, _buffer, out _));
        _token = BinaryPrimitives.ReadUInt64BigEndian(_buffer.AsSpan(1));
    }

    private void Answer(LaterStatus status) =>
        Assert.True(_trial.TryReceive(_now, Server, _buffer.AsSpan(0, LaterFrame.WriteAnswer(_buffer, new Later(_token, status)))));
}
