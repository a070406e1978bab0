using System.Net;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server.Relay;
using Xunit;

namespace Punchline.Server.Tests.Relay;

/// <summary>The forwarder alone, in virtual time.</summary>
public sealed class RelayForwarderTests
{
    private static readonly UdpAddress Client = new(IPAddress.Parse("192.0.2.1"), 1001);
    private static readonly UdpAddress Host = new(IPAddress.Parse("2001:db8::2"), 1002);
    private static readonly UdpAddress Stranger = new(IPAddress.Parse("192.0.2.3"), 1003);
    private static readonly UdpAddress Local = new(IPAddress.Parse("192.0.2.9"), 3478);

    private readonly RelayTable _table = new(SystemRandomness.Instance);
    private readonly RelayForwarder _forwarder;
    private readonly RelayPair _pair;
    private Instant _now = new(TimeSpan.TicksPerDay);

    public RelayForwarderTests()
    {
        _forwarder = new RelayForwarder(_table, SystemRandomness.Instance);
        _pair = _table.AddPair(_table.AddBinding(), _table.AddBinding(), RelayBudget.ForPair(_now), RelayBudget.ForAddress(_now, ServerLimits.ChannelsPerAddress));
    }

    [Fact]
    public void Nothing_passes_before_both_ends_are_bound()
    {
        Assert.Equal(RelayAction.Drop, Data(Client, _pair.Client.Handle, out _));
        Bind(Client, _pair.Client, 1);
        Assert.Equal(RelayAction.Drop, Data(Client, _pair.Client.Handle, out _));
        Bind(Host, _pair.Host, 1);
        Assert.Equal(RelayAction.Forward, Data(Client, _pair.Client.Handle, out RelayBinding? target));
        Assert.Same(_pair.Host, target);
        Assert.Equal(RelayAction.Forward, Data(Host, _pair.HostHandle, out target));
        Assert.Same(_pair.Client, target);
    }

    [Fact]
    public void Only_the_bound_address_may_send_with_a_handle()
    {
        BindBoth();
        Assert.Equal(RelayAction.Drop, Data(Stranger, _pair.Client.Handle, out _));
        Assert.Equal(RelayAction.Drop, Data(Stranger, _pair.HostHandle, out _));
        Assert.Equal(RelayAction.Drop, Data(Client, _pair.HostHandle, out _));
        Assert.Equal(RelayAction.Drop, Data(Host, _pair.Host.Handle, out _));
        Assert.Equal(RelayAction.Drop, Data(Client.WithPort(9), _pair.Client.Handle, out _));
        Assert.Equal(5, _forwarder.Counters.NotBound + _forwarder.Counters.UnknownHandle);
    }

    [Fact]
    public void A_removed_pair_passes_nothing()
    {
        BindBoth();
        _table.Remove(_pair);
        Assert.Equal(RelayAction.Drop, Data(Client, _pair.Client.Handle, out _));
        Assert.Equal(RelayAction.Drop, Data(Host, _pair.HostHandle, out _));
        Assert.Equal(0, _table.PairCount);
    }

    [Fact]
    public void A_cookie_is_worth_nothing_at_another_address()
    {
        byte[] cookie = Cookie(Client);
        byte[] bind = BindFrameOf(_pair.Client, 1, cookie);
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        Assert.Equal(RelayAction.Answer, _forwarder.Receive(_now, Stranger, Local, bind, answer, out int length, out _));
        Assert.True(RelayFrame.TryReadCookie(answer.AsSpan(0, length), out ulong echo, out _));
        Assert.Equal(1UL, echo);
        Assert.True(_pair.Client.Address.IsNone);
    }

    [Fact]
    public void A_bind_with_any_bit_changed_binds_nothing()
    {
        byte[] good = BindFrameOf(_pair.Client, 1, Cookie(Client));
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        for (int bit = 8; bit < good.Length * 8; bit++)
        {
            byte[] changed = [.. good];
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            _forwarder.Receive(_now, Client, Local, changed, answer, out _, out _);
            Assert.True(_pair.Client.Address.IsNone);
        }
        _forwarder.Receive(_now, Client, Local, good, answer, out _, out _);
        Assert.Equal(Client, _pair.Client.Address);
    }

    [Fact]
    public void A_changed_address_needs_a_later_sequence()
    {
        byte[] old = BindFrameOf(_pair.Client, 1, Cookie(Client));
        Bind(Client, _pair.Client, 1);
        Bind(Stranger, _pair.Client, 2);
        Assert.Equal(Stranger, _pair.Client.Address);
        // Whoever replays the first BIND, even from its own address, moves nothing back.
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        Assert.Equal(RelayAction.Drop, _forwarder.Receive(_now, Client, Local, old, answer, out _, out _));
        Assert.Equal(Stranger, _pair.Client.Address);
    }

    [Fact]
    public void A_repeated_bind_is_confirmed_again()
    {
        Bind(Client, _pair.Client, 1);
        Bind(Client, _pair.Client, 1);
    }

    [Fact]
    public void A_cookie_lives_one_to_two_epochs()
    {
        byte[] cookie = Cookie(Client);
        _now += ServerLimits.CookieEpoch;
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        _forwarder.Receive(_now, Client, Local, BindFrameOf(_pair.Client, 1, cookie), answer, out int length, out _);
        Assert.True(RelayFrame.TryReadBound(answer.AsSpan(0, length), out _));
        _now += ServerLimits.CookieEpoch;
        _forwarder.Receive(_now, Client, Local, BindFrameOf(_pair.Client, 2, cookie), answer, out length, out _);
        Assert.True(RelayFrame.TryReadCookie(answer.AsSpan(0, length), out _, out _));
    }

    [Fact]
    public void A_pair_is_bounded_in_datagrams_and_bytes()
    {
        BindBoth();
        int passed = 0;
        while (Data(Client, _pair.Client.Handle, out _) == RelayAction.Forward)
            passed++;
        Assert.Equal((int)ServerLimits.PairDatagramsBurst, passed);
        // With time for the datagrams but not for the bytes, the volume ends it.
        double bytes = 0;
        byte[] large = new byte[1400];
        while (true)
        {
            _now += TimeSpan.FromMilliseconds(40);
            RelayFrame.WriteDataHeader(large, _pair.Client.Handle);
            if (_forwarder.Receive(_now, Client, Local, large, new byte[RelayForwarder.MaxAnswer], out _, out _) != RelayAction.Forward)
                break;
            bytes += large.Length;
        }
        Assert.InRange(bytes, ServerLimits.PairBytesBurst * 0.9, ServerLimits.PairBytesBurst * 1.1);
        Assert.Equal(2, _forwarder.Counters.OverLimit);
    }

    [Fact]
    public void No_answer_is_larger_than_its_question()
    {
        var random = new Random(2);
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = new byte[random.Next(0, 80)];
            random.NextBytes(frame);
            if (frame.Length > 0)
                frame[0] = (byte)(0x20 | frame[0] & 0x0f);
            if (_forwarder.Receive(_now, Stranger, Local, frame, answer, out int length, out _) == RelayAction.Answer)
                Assert.True(length <= frame.Length);
        }
        byte[] bind = BindFrameOf(_pair.Host, 1, Cookie(Host));
        Assert.Equal(RelayAction.Answer, _forwarder.Receive(_now, Host, Local, bind, answer, out int bound, out _));
        Assert.True(bound <= bind.Length);
    }

    [Fact]
    public void Forwarding_allocates_nothing()
    {
        BindBoth();
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        byte[] frame = new byte[100];
        long before = 0;
        for (int i = 0; i < 1100; i++)
        {
            if (i == 100)
                before = GC.GetAllocatedBytesForCurrentThread();
            _now += TimeSpan.FromSeconds(1);
            RelayFrame.WriteDataHeader(frame, _pair.Client.Handle);
            if (_forwarder.Receive(_now, Client, Local, frame, answer, out _, out _) != RelayAction.Forward)
                throw new InvalidOperationException("It was to be forwarded.");
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private void BindBoth()
    {
        Bind(Client, _pair.Client, 1);
        Bind(Host, _pair.Host, 1);
    }

    private void Bind(UdpAddress from, RelayBinding binding, ulong sequence)
    {
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        Assert.Equal(RelayAction.Answer, _forwarder.Receive(_now, from, Local, BindFrameOf(binding, sequence, Cookie(from)), answer, out int length, out _));
        Assert.True(RelayFrame.TryReadBound(answer.AsSpan(0, length), out BoundFrame bound));
        Assert.Equal(new BoundFrame(binding.Handle, sequence, from), bound);
    }

    private byte[] Cookie(UdpAddress from)
    {
        byte[] request = new byte[RelayFrame.CookieRequestLength];
        RelayFrame.WriteCookieRequest(request, 42);
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        Assert.Equal(RelayAction.Answer, _forwarder.Receive(_now, from, Local, request, answer, out int length, out _));
        Assert.True(RelayFrame.TryReadCookie(answer.AsSpan(0, length), out ulong echo, out ReadOnlySpan<byte> cookie));
        Assert.Equal(42UL, echo);
        return cookie.ToArray();
    }

    private static byte[] BindFrameOf(RelayBinding binding, ulong sequence, byte[] cookie)
    {
        byte[] frame = new byte[RelayFrame.BindLength];
        RelayFrame.WriteBind(frame, new BindFrame(binding.Handle, sequence), cookie, binding.Key);
        return frame;
    }

    private RelayAction Data(UdpAddress from, ulong handle, out RelayBinding? target)
    {
        byte[] frame = new byte[RelayFrame.DataHeaderLength + 5];
        RelayFrame.WriteDataHeader(frame, handle);
        return _forwarder.Receive(_now, from, Local, frame, new byte[RelayForwarder.MaxAnswer], out _, out target);
    }
}
