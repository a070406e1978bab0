using System.Net;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Tests.Invites;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>The client's side of binding an address, in virtual time, against frames made by hand.</summary>
public sealed class UdpBindingTests
{
    private static readonly UdpAddress Server = new(IPAddress.Parse("192.0.2.9"), 3478);
    private static readonly UdpAddress Seen = new(IPAddress.Parse("192.0.2.7"), 4433);
    private static readonly byte[] Key = Samples.Count(0x60, 16);
    private readonly byte[] _buffer = new byte[1200];
    private readonly UdpBinding _binding;
    private Instant _now = new(1);

    public UdpBindingTests() => _binding = new UdpBinding(Server, new TestRandomness(1), _now);

    [Fact]
    public void The_golden_samples_are_what_we_write()
    {
        string[] golden = Samples.Of("relay.md");
        const ulong Handle = 0x0102030405060708;
        byte[] cookie = Samples.Count(0x70, 16);
        RelayFrame.WriteDataHeader(_buffer, Handle);
        "hi"u8.CopyTo(_buffer.AsSpan(9));
        Assert.Equal(golden[1], Hex(11));
        Assert.Equal(golden[2], Hex(RelayFrame.WriteCookieRequest(_buffer, 0x8182838485868788)));
        Assert.Equal(golden[3], Hex(RelayFrame.WriteCookie(_buffer, 0x8182838485868788, cookie)));
        Assert.Equal(golden[4], Hex(RelayFrame.WriteBind(_buffer, new BindFrame(Handle, 1), cookie, Key)));
        Assert.True(RelayFrame.VerifyBind(_buffer.AsSpan(0, RelayFrame.BindLength), Key));
        Assert.Equal(golden[5], Hex(RelayFrame.WriteBound(_buffer, new BoundFrame(Handle, 1, Seen))));
    }

    [Fact]
    public void The_cookie_is_fetched_before_there_are_credentials_and_binding_follows_them()
    {
        Give(CookieFor(Request()));
        Assert.False(_binding.NextTimeout.IsSet);
        _binding.SetCredentials(5, Key, _now);
        Assert.False(_binding.CanRelay);
        BindFrame bind = Bind();
        Assert.Equal(new BindFrame(5, 1), bind);
        Assert.True(_binding.CanRelay);
        Assert.False(_binding.IsBound);
        Give(BoundFor(bind));
        Assert.True(_binding.IsBound);
        Assert.Equal(Seen, _binding.Observed);
        Assert.Equal(_now + UdpBinding.KeepAlive, _binding.NextTimeout);
        _now += UdpBinding.KeepAlive;
        Assert.Equal(2UL, Bind().Sequence);
        Assert.True(_binding.IsBound);
    }

    [Fact]
    public void Lost_datagrams_are_sent_again_ever_more_slowly()
    {
        var waits = new List<double>();
        for (int i = 0; i < 7; i++)
        {
            Request();
            waits.Add((_binding.NextTimeout - _now).TotalMilliseconds);
            Assert.False(_binding.TryTransmit(_now, _buffer, out _));
            _now = _binding.NextTimeout;
        }
        Assert.Equal([250, 500, 1000, 2000, 4000, 4000, 4000], waits);
    }

    [Fact]
    public void A_binding_that_rests_for_minutes_is_asked_for_when_somebody_comes_and_serves_meanwhile()
    {
        var binding = new UdpBinding(Server, new TestRandomness(1), _now, static () => TimeSpan.FromSeconds(213));
        binding.SetCredentials(5, Key, _now);
        binding.TryTransmit(_now, _buffer, out int length);
        Assert.True(RelayFrame.TryReadCookieRequest(_buffer.AsSpan(0, length), out ulong echo));
        binding.TryReceive(_now, Server, CookieFor(echo));
        binding.TryTransmit(_now, _buffer, out length);
        Assert.True(RelayFrame.TryReadBind(_buffer.AsSpan(0, length), out BindFrame bind, out _));
        binding.TryReceive(_now, Server, BoundFor(bind));
        // Just confirmed: however many come, nothing leaves.
        binding.ConfirmIfOld(_now + UdpBinding.KeepAlive - TimeSpan.FromTicks(1));
        Assert.Equal(_now + TimeSpan.FromSeconds(213), binding.NextTimeout);
        _now += TimeSpan.FromSeconds(100);
        binding.ConfirmIfOld(_now);
        Assert.True(binding.TryTransmit(_now, _buffer, out length));
        Assert.True(RelayFrame.TryReadBind(_buffer.AsSpan(0, length), out bind, out _));
        Assert.True(binding.IsBound);
        Assert.Equal(2UL, bind.Sequence);
    }

    [Fact]
    public void Three_binds_without_an_answer_begin_again_at_the_cookie()
    {
        _binding.SetCredentials(5, Key, _now);
        Give(CookieFor(Request()));
        for (ulong i = 1; i <= 3; i++)
        {
            Assert.Equal(i, Bind().Sequence);
            _now = _binding.NextTimeout;
        }
        Request();
        Assert.False(_binding.IsBound);
    }

    [Fact]
    public void A_changed_address_is_answered_with_a_cookie_and_bound_again()
    {
        _binding.SetCredentials(5, Key, _now);
        Give(CookieFor(Request()));
        Give(BoundFor(Bind()));
        _now = _binding.NextTimeout;
        BindFrame stale = Bind();
        Give(CookieFor(stale.Sequence));
        Assert.Equal(_now, _binding.NextTimeout);
        BindFrame next = Bind();
        Assert.Equal(stale.Sequence + 1, next.Sequence);
        Give(BoundFor(next));
        Assert.True(_binding.IsBound);
    }

    [Fact]
    public void A_server_that_never_takes_its_own_cookies_does_not_make_us_spin()
    {
        _binding.SetCredentials(5, Key, _now);
        Give(CookieFor(Request()));
        int sent = 0;
        for (int i = 0; i < 100 && _binding.TryTransmit(_now, _buffer, out int length); i++)
        {
            sent++;
            if (RelayFrame.TryReadBind(_buffer.AsSpan(0, length), out BindFrame bind, out _))
                Give(CookieFor(bind.Sequence));
        }
        Assert.InRange(sent, 1, 4);
    }

    [Fact]
    public void Answers_to_what_was_not_asked_are_not_ours()
    {
        ulong echo = Request();
        byte[] cookie = CookieFor(echo);
        Assert.False(_binding.TryReceive(_now, Seen, cookie));
        Assert.False(_binding.TryReceive(_now, Server, CookieFor(echo + 1)));
        Assert.False(_binding.TryReceive(_now, Server, BoundFor(new BindFrame(5, 1))));
        for (int i = 0; i < cookie.Length; i++)
            Assert.False(_binding.TryReceive(_now, Server, cookie.AsSpan(0, i)));
        Assert.True(_binding.TryReceive(_now, Server, cookie));
    }

    private ulong Request()
    {
        Assert.True(_binding.TryTransmit(_now, _buffer, out int length));
        Assert.True(RelayFrame.TryReadCookieRequest(_buffer.AsSpan(0, length), out ulong echo));
        return echo;
    }

    private BindFrame Bind()
    {
        Assert.True(_binding.TryTransmit(_now, _buffer, out int length));
        Assert.True(RelayFrame.TryReadBind(_buffer.AsSpan(0, length), out BindFrame bind, out _));
        Assert.True(RelayFrame.VerifyBind(_buffer.AsSpan(0, length), Key));
        return bind;
    }

    private void Give(byte[] datagram) => Assert.True(_binding.TryReceive(_now, Server, datagram));

    private static byte[] CookieFor(ulong echo)
    {
        byte[] frame = new byte[RelayFrame.CookieFrameLength];
        RelayFrame.WriteCookie(frame, echo, new byte[RelayFrame.CookieLength]);
        return frame;
    }

    private static byte[] BoundFor(BindFrame bind)
    {
        byte[] frame = new byte[64];
        return frame[..RelayFrame.WriteBound(frame, new BoundFrame(bind.Handle, bind.Sequence, Seen))];
    }

    private string Hex(int length) => Convert.ToHexStringLower(_buffer.AsSpan(0, length));
}

/// <summary>The waits between attempts to reach a server.</summary>
public sealed class BackoffTests
{
    [Fact]
    public void It_doubles_within_its_bounds_and_begins_again()
    {
        var backoff = new Backoff(new TestRandomness(1));
        TimeSpan step = Backoff.First;
        for (int i = 0; i < 12; i++)
        {
            Assert.InRange(backoff.Next(), step / 2, step);
            step = step + step < Backoff.Longest ? step + step : Backoff.Longest;
        }
        backoff.Reset();
        Assert.InRange(backoff.Next(), Backoff.First / 2, Backoff.First);
    }
}
