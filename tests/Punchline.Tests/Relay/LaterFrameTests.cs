using Punchline.Relay;
using Punchline.Tests.Invites;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>The frames that try a mapping's lifetime.</summary>
public sealed class LaterFrameTests
{
    private const ulong Token = 0x8182838485868788;
    private readonly byte[] _buffer = new byte[64];

    [Fact]
    public void The_golden_samples_are_what_we_write()
    {
        string[] golden = Samples.Of("relay.md");
        Assert.Contains(Hex(LaterFrame.WriteAsk(_buffer, new AskLater(Token, 28), Samples.Count(0x70, 16))), golden);
        Assert.Contains(Hex(LaterFrame.WriteAnswer(_buffer, new Later(Token, LaterStatus.Promised))), golden);
        Assert.Contains(Hex(LaterFrame.WriteAnswer(_buffer, new Later(Token, LaterStatus.Kept))), golden);
    }

    [Fact]
    public void All_answers_to_a_question_are_no_longer_than_it_is()
    {
        Assert.True(2 * LaterFrame.AnswerLength <= LaterFrame.AskLength);
        Assert.True(RelayFrame.CookieFrameLength <= LaterFrame.AskLength);
    }

    [Fact]
    public void A_frame_of_another_length_or_status_is_none()
    {
        int length = LaterFrame.WriteAnswer(_buffer, new Later(Token, LaterStatus.Refused));
        Assert.True(LaterFrame.TryReadAnswer(_buffer.AsSpan(0, length), out Later answer));
        Assert.Equal(new Later(Token, LaterStatus.Refused), answer);
        Assert.False(LaterFrame.TryReadAnswer(_buffer.AsSpan(0, length + 1), out _));
        _buffer[9]++;
        Assert.False(LaterFrame.TryReadAnswer(_buffer.AsSpan(0, length), out _));
        Assert.False(LaterFrame.TryReadAsk(_buffer.AsSpan(0, LaterFrame.AskLength), out _, out _));
    }

    private string Hex(int length) => Convert.ToHexStringLower(_buffer.AsSpan(0, length));
}
