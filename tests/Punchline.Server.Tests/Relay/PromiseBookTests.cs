using System.Net;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server.Relay;
using Punchline.Testing;
using Xunit;

namespace Punchline.Server.Tests.Relay;

/// <summary>Answers promised for later: to whom, how many, when.</summary>
public sealed class PromiseBookTests
{
    private static readonly UdpAddress Peer = new(IPAddress.Parse("192.0.2.1"), 1001);
    private static readonly UdpAddress Local = new(IPAddress.Parse("192.0.2.9"), 3478);
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(28);
    private readonly RelayForwarder _forwarder = new(new RelayTable(SystemRandomness.Instance), SystemRandomness.Instance);
    private readonly byte[] _answer = new byte[RelayForwarder.MaxAnswer];
    private Instant _now = new(TimeSpan.TicksPerDay);

    [Fact]
    public void An_answer_comes_once_and_at_its_time()
    {
        Assert.Equal(LaterStatus.Promised, Ask(Peer, 7, 28));
        Assert.Equal(_now + Delay, _forwarder.Promises.NextAt);
        Assert.False(_forwarder.Promises.TryTakeDue(_now + Delay - TimeSpan.FromTicks(1), out _));
        _now += Delay;
        Assert.True(_forwarder.Promises.TryTakeDue(_now, out Promise promise));
        Assert.Equal(new Promise(Peer, Local, 7), promise);
        Assert.False(_forwarder.Promises.TryTakeDue(_now + Delay, out _));
        Assert.False(_forwarder.Promises.NextAt.IsSet);
    }

    [Fact]
    public void The_same_question_again_counts_from_then()
    {
        Ask(Peer, 7, 28);
        _now += TimeSpan.FromSeconds(10);
        Ask(Peer, 7, 28);
        _now += TimeSpan.FromSeconds(18);
        Assert.False(_forwarder.Promises.TryTakeDue(_now, out _));
        _now += TimeSpan.FromSeconds(10);
        Assert.True(_forwarder.Promises.TryTakeDue(_now, out _));
        Assert.False(_forwarder.Promises.TryTakeDue(_now + Delay, out _));
    }

    [Fact]
    public void Nobody_elses_address_is_promised_anything()
    {
        byte[] cookie = CookieOf(Peer);
        byte[] ask = new byte[LaterFrame.AskLength];
        LaterFrame.WriteAsk(ask, new AskLater(7, 28), cookie);
        int length = _forwarder.Answer(_now, Peer.WithPort(9), Local, ask, _answer);
        Assert.True(RelayFrame.TryReadCookie(_answer.AsSpan(0, length), out ulong echo, out _));
        Assert.Equal(7UL, echo);
        Assert.InRange(length, 1, ask.Length);
        Assert.False(_forwarder.Promises.NextAt.IsSet);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(601)]
    [InlineData(65_535)]
    public void A_time_out_of_bounds_is_refused(ushort seconds) => Assert.Equal(LaterStatus.Refused, Ask(Peer, 7, seconds));

    [Fact]
    public void An_address_has_a_number_of_them_and_gets_it_back()
    {
        for (ulong i = 0; i < ServerLimits.PromisesPerAddress; i++)
            Assert.Equal(LaterStatus.Promised, Ask(Peer.WithPort((ushort)(2000 + i)), i, 28));
        Assert.Equal(LaterStatus.Refused, Ask(Peer, 99, 28));
        Assert.Equal(LaterStatus.Promised, Ask(new UdpAddress(IPAddress.Parse("192.0.2.2"), 1001), 99, 28));
        _now += Delay;
        while (_forwarder.Promises.TryTakeDue(_now, out _))
        {
        }
        Assert.Equal(LaterStatus.Promised, Ask(Peer, 99, 28));
    }

    [Fact]
    public void There_is_a_bound_for_all()
    {
        var book = new PromiseBook();
        for (int i = 0; i < ServerLimits.Promises; i++)
            Assert.True(book.TryAdd(_now, new Promise(UdpAddress.FromBytes([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i], 0, 1), Local, 1), Delay));
        Assert.False(book.TryAdd(_now, new Promise(Peer, Local, 1), Delay));
    }

    private LaterStatus Ask(in UdpAddress from, ulong token, ushort seconds)
    {
        byte[] ask = new byte[LaterFrame.AskLength];
        LaterFrame.WriteAsk(ask, new AskLater(token, seconds), CookieOf(from));
        int length = _forwarder.Answer(_now, from, Local, ask, _answer);
        Assert.True(LaterFrame.TryReadAnswer(_answer.AsSpan(0, length), out Later answer));
        Assert.Equal(token, answer.Token);
        return answer.Status;
    }

    private byte[] CookieOf(in UdpAddress address)
    {
        byte[] request = new byte[RelayFrame.CookieRequestLength];
        RelayFrame.WriteCookieRequest(request, 1);
        int length = _forwarder.Answer(_now, address, Local, request, _answer);
        Assert.True(RelayFrame.TryReadCookie(_answer.AsSpan(0, length), out _, out ReadOnlySpan<byte> cookie));
        return cookie.ToArray();
    }
}
