using System.Net;
using Punchline.Protocol;
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
    private readonly FakeChannel _clientChannel = new();
    private readonly FakeChannel _hostChannel = new();
    private readonly Dictionary<RelayPair, RelayAllowance?> _hosts = [];
    private readonly RelayPair _pair;
    private Instant _now = new(TimeSpan.TicksPerDay);

    public RelayForwarderTests()
    {
        _forwarder = new RelayForwarder(_table, SystemRandomness.Instance);
        _pair = AddPair(null, _clientChannel, _hostChannel);
    }

    [Fact]
    public void Nothing_passes_before_both_ends_are_bound()
    {
        Assert.False(Passes(Client, _pair.Client.Handle, out _));
        Bind(Client, _pair.Client, 1);
        Assert.False(Passes(Client, _pair.Client.Handle, out _));
        Bind(Host, _pair.Host, 1);
        Assert.True(Passes(Client, _pair.Client.Handle, out RelayBinding? target));
        Assert.Same(_pair.Host, target);
        Assert.True(Passes(Host, _pair.HostHandle, out target));
        Assert.Same(_pair.Client, target);
    }

    [Fact]
    public void Only_the_bound_address_may_send_with_a_handle()
    {
        BindBoth();
        Assert.False(Passes(Stranger, _pair.Client.Handle, out _));
        Assert.False(Passes(Stranger, _pair.HostHandle, out _));
        Assert.False(Passes(Client, _pair.HostHandle, out _));
        Assert.False(Passes(Host, _pair.Host.Handle, out _));
        Assert.False(Passes(Client.WithPort(9), _pair.Client.Handle, out _));
        Assert.Equal(5, _forwarder.Counters.NotBound + _forwarder.Counters.UnknownHandle);
    }

    [Fact]
    public void A_removed_pair_passes_nothing()
    {
        BindBoth();
        _table.Remove(_pair);
        Assert.False(Passes(Client, _pair.Client.Handle, out _));
        Assert.False(Passes(Host, _pair.HostHandle, out _));
        Assert.Equal(0, _table.PairCount);
    }

    [Fact]
    public void A_cookie_is_worth_nothing_at_another_address()
    {
        byte[] cookie = Cookie(Client);
        byte[] bind = BindFrameOf(_pair.Client, 1, cookie);
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        int length = _forwarder.Answer(_now, Stranger, Local, bind, answer);
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
            _forwarder.Answer(_now, Client, Local, changed, answer);
            Assert.True(_pair.Client.Address.IsNone);
        }
        _forwarder.Answer(_now, Client, Local, good, answer);
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
        Assert.Equal(0, _forwarder.Answer(_now, Client, Local, old, answer));
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
        int length = _forwarder.Answer(_now, Client, Local, BindFrameOf(_pair.Client, 1, cookie), answer);
        Assert.True(RelayFrame.TryReadBound(answer.AsSpan(0, length), out _));
        _now += ServerLimits.CookieEpoch;
        length = _forwarder.Answer(_now, Client, Local, BindFrameOf(_pair.Client, 2, cookie), answer);
        Assert.True(RelayFrame.TryReadCookie(answer.AsSpan(0, length), out _, out _));
    }

    [Fact]
    public void A_pair_is_bounded_in_datagrams_and_bytes()
    {
        BindBoth();
        int passed = 0;
        while (Passes(Client, _pair.Client.Handle, out _))
            passed++;
        Assert.Equal((int)ServerLimits.PairDatagramsBurst, passed);
        // With time for the datagrams but not for the bytes, the volume ends it.
        double bytes = 0;
        byte[] large = new byte[1400];
        while (true)
        {
            _now += TimeSpan.FromMilliseconds(40);
            RelayFrame.WriteDataHeader(large, _pair.Client.Handle);
            if (_forwarder.Forward(_now, Client, large, large.Length, out _) == 0)
                break;
            bytes += large.Length;
        }
        Assert.InRange(bytes, ServerLimits.PairBytesBurst * 0.9, ServerLimits.PairBytesBurst * 1.1);
        Assert.Equal(2, _forwarder.Counters.OverLimit);
    }

    [Fact]
    public void Before_a_bind_an_end_is_reached_on_its_channel_if_it_takes_frames_there()
    {
        var client = new FakeChannel(takesFrames: true);
        var host = new FakeChannel(takesFrames: true);
        RelayPair pair = AddPair(null, client, host);
        Assert.True(Passes(client, pair.Client.Handle, out RelayBinding? target));
        Assert.True(target!.IsOnChannel);
        // The host's UDP is through: from now on it is reached there.
        Bind(Host, pair.Host, 1);
        Assert.True(Passes(client, pair.Client.Handle, out target));
        Assert.False(target!.IsOnChannel);
        Assert.True(Passes(Host, pair.HostHandle, out target));
        Assert.True(target!.IsOnChannel);
        // UDP stops working there: it speaks on the channel, and hears there.
        Assert.True(Passes(host, pair.HostHandle, out _));
        Assert.True(Passes(client, pair.Client.Handle, out target));
        Assert.True(target!.IsOnChannel);
        // And back, by data from the bound address.
        Assert.True(Passes(Host, pair.HostHandle, out _));
        Assert.True(Passes(client, pair.Client.Handle, out target));
        Assert.False(target!.IsOnChannel);
    }

    [Fact]
    public void Only_the_channel_of_an_end_may_send_with_its_handle()
    {
        var client = new FakeChannel(takesFrames: true);
        var host = new FakeChannel(takesFrames: true);
        RelayPair pair = AddPair(null, client, host);
        Assert.False(Passes(new FakeChannel(takesFrames: true), pair.Client.Handle, out _));
        Assert.False(Passes(host, pair.Client.Handle, out _));
        Assert.False(Passes(client, pair.HostHandle, out _));
        Assert.False(Passes(client, pair.Host.Handle, out _));
        Assert.False(Passes(client, _pair.Client.Handle, out _));
        Assert.Equal(5, _forwarder.Counters.NotBound + _forwarder.Counters.UnknownHandle);
        // None of that turned a flow.
        Bind(Host, pair.Host, 1);
        Assert.False(Passes(new FakeChannel(), pair.HostHandle, out _));
        Assert.False(pair.Host.IsOnChannel);
        _table.Remove(pair);
        Assert.False(Passes(client, pair.Client.Handle, out _));
    }

    [Fact]
    public void What_no_channel_frame_holds_is_not_sent_on_a_channel()
    {
        var client = new FakeChannel(takesFrames: true);
        RelayPair pair = AddPair(RelayTerms.Unlimited, client, _hostChannel);
        Bind(Host, pair.Host, 1);
        byte[] longest = FrameOf(pair.HostHandle, RelayFrame.MaxChannelFrame - RelayFrame.DataHeaderLength);
        Assert.Equal(longest.Length, _forwarder.Forward(_now, Host, longest, longest.Length, out _));
        byte[] longer = FrameOf(pair.HostHandle, longest.Length);
        Assert.Equal(0, _forwarder.Forward(_now, Host, longer, longer.Length, out _));
    }

    [Fact]
    public void A_batch_is_taken_apart_in_runs_of_one_handle_and_each_frame_gets_the_other_ends_handle()
    {
        const int Payload = 100;
        RelayPair other = AddPair(RelayTerms.Unlimited, _clientChannel, _hostChannel);
        Bind(Host, other.Host, 1);
        Bind(Client, other.Client, 1);
        Bind(Stranger, _pair.Client, 1);
        Bind(Host, _pair.Host, 1);
        int size = RelayFrame.DataHeaderLength + Payload;
        ulong[] handles = [other.HostHandle, other.HostHandle, _pair.HostHandle, other.HostHandle, other.HostHandle];
        byte[] batch = [.. handles.SelectMany(h => FrameOf(h, Payload))];
        // The last one is shorter, as in a batch of the kernel's.
        batch = batch[..^7];
        var runs = new List<(int Length, RelayBinding? Target)>();
        for (int offset = 0; offset < batch.Length;)
        {
            int run = RelayRun.Measure(batch.AsSpan(offset), size);
            Assert.Equal(run, _forwarder.Forward(_now, Host, batch.AsSpan(offset, run), size, out RelayBinding? target));
            runs.Add((run, target));
            offset += run;
        }
        Assert.Equal([(2 * size, other.Client), (size, _pair.Client), (2 * size - 7, other.Client)], runs);
        foreach ((int index, ulong expected) in new[] { other.Client, other.Client, _pair.Client, other.Client, other.Client }.Select((b, i) => (i, b.Handle)))
        {
            Assert.True(RelayFrame.TryReadDataHeader(batch.AsSpan(index * size), out ulong written));
            Assert.Equal(expected, written);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(RelayFrame.DataHeaderLength)]
    public void What_is_no_data_frame_is_in_no_run(int length)
    {
        byte[] cookie = new byte[RelayFrame.CookieRequestLength];
        RelayFrame.WriteCookieRequest(cookie, 1);
        Assert.Equal(0, RelayRun.Measure(cookie, cookie.Length));
        byte[] cut = FrameOf(1, 5)[..length];
        Assert.Equal(0, RelayRun.Measure(cut, Math.Max(1, length)));
        byte[] mixed = [.. FrameOf(1, 23), .. cookie];
        Assert.Equal(32, RelayRun.Measure(mixed, 32));
    }

    [Fact]
    public void Of_a_batch_that_exceeds_the_rate_the_first_datagrams_pass()
    {
        var terms = RelayTerms.LimitedBy(new RelayBound(1_000_000, null));
        RelayPair pair = AddPair(terms, _clientChannel, _hostChannel);
        Bind(Client, pair.Client, 1);
        Bind(Host, pair.Host, 1);
        const int Size = 1000;
        byte[] batch = [.. Enumerable.Range(0, 40).SelectMany(_ => FrameOf(pair.Client.Handle, Size - RelayFrame.DataHeaderLength))];
        long passed = 0;
        int last;
        do
            passed += last = Send(batch, Size, pair);
        while (last == batch.Length);
        // The burst, and only whole datagrams of the batch that went beyond it.
        double burst = ServerLimits.RelayBurst + (1_000_000 * ServerLimits.RelayBurstTime.TotalSeconds);
        Assert.Equal((long)burst / Size * Size, passed);
        Assert.InRange(last, 1, batch.Length - 1);
        // At the rate from then on: the small budget is not for what is merely too fast.
        for (int i = 0; i < 100; i++)
        {
            _now += TimeSpan.FromMilliseconds(10);
            passed += Send(batch, Size, pair);
        }
        Assert.InRange(passed - burst, 999_000, 1_001_000);
        Assert.Empty(_clientChannel.Messages);
    }

    [Fact]
    public void When_a_quota_is_used_up_both_ends_are_told_now_and_then_and_a_handshake_still_passes()
    {
        var terms = new RelayTerms { Pair = new RelayBound(null, 1_000_000) };
        RelayPair pair = AddPair(terms, _clientChannel, _hostChannel);
        Bind(Client, pair.Client, 1);
        Bind(Host, pair.Host, 1);
        byte[] batch = [.. Enumerable.Range(0, 50).SelectMany(_ => FrameOf(pair.Client.Handle, 991))];
        for (int i = 0; i < 20; i++)
            Assert.Equal(batch.Length, Send(batch, 1000, pair));
        Assert.Empty(_clientChannel.Messages);
        _now += TimeSpan.FromHours(23);
        // The small budget now, as where nothing is relayed.
        Assert.Equal(batch.Length, Send(batch, 1000, pair));
        Assert.Equal((int)ServerLimits.PairDatagramsBurst - 50, Send(batch, 1000, pair) / 1000);
        Assert.Equal([new RelayLimit(pair.Client.Handle, RelayLimitReason.Pair, 3600)], _clientChannel.Messages);
        Assert.Equal([new RelayLimit(pair.HostHandle, RelayLimitReason.Pair, 3600)], _hostChannel.Messages);
        // Peers believe it for an hour: whoever still sends, or does again, hears it before what they send is dropped in silence.
        _now += ServerLimits.LimitRepeat - TimeSpan.FromSeconds(1);
        Send(batch, 1000, pair);
        Assert.Single(_clientChannel.Messages);
        _now += TimeSpan.FromSeconds(1);
        Send(batch, 1000, pair);
        Send(batch, 1000, pair);
        Assert.Equal([3600u, 1800u], _clientChannel.Messages.Cast<RelayLimit>().Select(limit => limit.Seconds));
        Assert.Equal([3600u, 1800u], _hostChannel.Messages.Cast<RelayLimit>().Select(limit => limit.Seconds));
        _now += TimeSpan.FromMinutes(30);
        for (int i = 0; i < 20; i++)
            Assert.Equal(batch.Length, Send(batch, 1000, pair));
        Assert.Equal(2, _clientChannel.Messages.Count);
        _now += TimeSpan.FromMinutes(1);
        Send(batch, 1000, pair);
        Send(batch, 1000, pair);
        Assert.Equal(new RelayLimit(pair.Client.Handle, RelayLimitReason.Pair, 86_340), _clientChannel.Messages[^1]);
    }

    [Theory]
    [InlineData(RelayLimitReason.Host)]
    [InlineData(RelayLimitReason.Server)]
    public void The_reason_says_whose_quota_it_is(object whose)
    {
        var bound = new RelayBound(null, 10_000);
        RelayTerms terms = (RelayLimitReason)whose == RelayLimitReason.Host ? new RelayTerms { Host = bound } : new RelayTerms { Total = bound };
        RelayPair pair = AddPair(terms, _clientChannel, _hostChannel);
        Bind(Client, pair.Client, 1);
        Bind(Host, pair.Host, 1);
        byte[] batch = [.. Enumerable.Range(0, 20).SelectMany(_ => FrameOf(pair.Client.Handle, 991))];
        Send(batch, 1000, pair);
        Assert.Equal((RelayLimitReason)whose, Assert.IsType<RelayLimit>(Assert.Single(_clientChannel.Messages)).Reason);
    }

    [Fact]
    public void When_others_use_up_the_rate_of_the_host_a_handshake_still_passes()
    {
        var terms = new RelayTerms { Host = new RelayBound(1000, null) };
        RelayPair busy = AddPair(terms, _clientChannel, _hostChannel);
        RelayPair late = _table.AddPair(_table.AddBinding(_clientChannel), busy.Host, BudgetsLike(busy, terms));
        Bind(Host, busy.Host, 1);
        Bind(Client, busy.Client, 1);
        Bind(Stranger, late.Client, 1);
        while (Passes(Client, busy.Client.Handle, out _))
        {
        }
        for (int i = 0; i < 20; i++)
            Assert.True(Passes(Stranger, late.Client.Handle, out _));
    }

    [Fact]
    public void Small_datagrams_count_as_what_they_cost()
    {
        var terms = new RelayTerms { Pair = new RelayBound(null, 100 * ServerLimits.LeastDatagramCost) };
        RelayPair pair = AddPair(terms, _clientChannel, _hostChannel);
        Bind(Client, pair.Client, 1);
        Bind(Host, pair.Host, 1);
        int passed = 0;
        while (Passes(Client, pair.Client.Handle, out _))
            passed++;
        Assert.Equal(100 + (int)ServerLimits.PairDatagramsBurst, passed);
    }

    [Fact]
    public void An_end_that_agrees_is_told_of_and_told_of_again_when_it_moves()
    {
        _pair.Client.Attest(_now, _pair);
        Assert.Empty(_hostChannel.Messages);
        Bind(Client, _pair.Client, 1);
        Assert.Equal([new Attested(_pair.HostHandle, Client)], _hostChannel.Messages);
        // Keep-alives and repetitions say nothing new.
        _now += TimeSpan.FromSeconds(15);
        Bind(Client, _pair.Client, 2);
        _pair.Client.Attest(_now, _pair);
        Assert.Single(_hostChannel.Messages);
        Bind(Stranger, _pair.Client, 3);
        Assert.Equal(new Attested(_pair.HostHandle, Stranger), _hostChannel.Messages[^1]);
        // Who moves to and fro is told of now and then.
        for (ulong i = 0; i < 100; i++)
            Bind(i % 2 == 0 ? Client : Stranger, _pair.Client, 4 + i);
        Assert.Equal(2, _hostChannel.Messages.Count);
        _now += ServerLimits.AttestedInterval;
        Bind(Client, _pair.Client, 200);
        Assert.Equal(new Attested(_pair.HostHandle, Client), _hostChannel.Messages[^1]);
        // The other side has agreed to nothing.
        Bind(Host, _pair.Host, 1);
        Assert.Empty(_clientChannel.Messages);
        _pair.Host.Attest(_now, _pair);
        Assert.Equal([new Attested(_pair.Client.Handle, Host)], _clientChannel.Messages);
        _table.Remove(_pair);
        _now += ServerLimits.AttestedInterval;
        Bind(Stranger, _pair.Host, 2);
        Assert.Single(_clientChannel.Messages);
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
            Assert.True(_forwarder.Answer(_now, Stranger, Local, frame, answer) <= frame.Length);
        }
        byte[] bind = BindFrameOf(_pair.Host, 1, Cookie(Host));
        Assert.InRange(_forwarder.Answer(_now, Host, Local, bind, answer), 1, bind.Length);
    }

    [Fact]
    public void Forwarding_allocates_nothing()
    {
        RelayPair pair = AddPair(RelayTerms.Limited, new FakeChannel(takesFrames: true), _hostChannel);
        Bind(Client, pair.Client, 1);
        Bind(Host, pair.Host, 1);
        byte[] batch = [.. Enumerable.Range(0, 44).SelectMany(_ => FrameOf(pair.Client.Handle, 1000))];
        int size = batch.Length / 44;
        long before = 0;
        for (int i = 0; i < 1100; i++)
        {
            if (i == 100)
                before = GC.GetAllocatedBytesForCurrentThread();
            // Slower than the rate for a while, then faster than it.
            _now += i < 600 ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(1);
            RelayRun.WriteHandle(batch, size, pair.Client.Handle);
            int run = RelayRun.Measure(batch, size);
            int passed = _forwarder.Forward(_now, Client, batch.AsSpan(0, run), size, out _);
            if (i < 600 && passed != batch.Length)
                throw new InvalidOperationException("It was to be forwarded.");
            RelayRun.WriteHandle(batch, size, pair.HostHandle);
            _forwarder.Forward(_now, Host, batch, size, out _);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(_forwarder.Counters.OverLimit > 0);
    }

    private void BindBoth()
    {
        Bind(Client, _pair.Client, 1);
        Bind(Host, _pair.Host, 1);
    }

    private void Bind(UdpAddress from, RelayBinding binding, ulong sequence)
    {
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        int length = _forwarder.Answer(_now, from, Local, BindFrameOf(binding, sequence, Cookie(from)), answer);
        Assert.True(RelayFrame.TryReadBound(answer.AsSpan(0, length), out BoundFrame bound));
        Assert.Equal(new BoundFrame(binding.Handle, sequence, from), bound);
    }

    private byte[] Cookie(UdpAddress from)
    {
        byte[] request = new byte[RelayFrame.CookieRequestLength];
        RelayFrame.WriteCookieRequest(request, 42);
        byte[] answer = new byte[RelayForwarder.MaxAnswer];
        int length = _forwarder.Answer(_now, from, Local, request, answer);
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

    private RelayPair AddPair(RelayTerms? terms, IRelayChannel client, IRelayChannel host)
    {
        var budgets = new PairBudgets(
            RelayBudget.ForPair(_now, terms), RelayBudget.ForAddress(_now, terms, ServerLimits.ChannelsPerAddress),
            terms is null ? null : new RelayAllowance(terms.Host, _now), terms is null ? null : new RelayAllowance(terms.Total, _now));
        RelayPair pair = _table.AddPair(_table.AddBinding(client), _table.AddBinding(host), budgets);
        _hosts[pair] = budgets.Host;
        return pair;
    }

    private bool Passes(UdpAddress from, ulong handle, out RelayBinding? target)
    {
        byte[] frame = FrameOf(handle, 5);
        return _forwarder.Forward(_now, from, frame, frame.Length, out target) > 0;
    }

    private bool Passes(IRelayChannel from, ulong handle, out RelayBinding? target)
    {
        byte[] frame = FrameOf(handle, 5);
        return _forwarder.Forward(_now, from, frame, frame.Length, out target) > 0;
    }

    private PairBudgets BudgetsLike(RelayPair pair, RelayTerms terms) => new(
        RelayBudget.ForPair(_now, terms), RelayBudget.ForAddress(_now, terms, ServerLimits.ChannelsPerAddress), _hosts[pair], new RelayAllowance(terms.Total, _now));

    // Each time with fresh handles, as those of what passed are replaced.
    private int Send(byte[] batch, int size, RelayPair pair)
    {
        RelayRun.WriteHandle(batch, size, pair.Client.Handle);
        return _forwarder.Forward(_now, Client, batch, size, out _);
    }

    private static byte[] FrameOf(ulong handle, int payload)
    {
        byte[] frame = new byte[RelayFrame.DataHeaderLength + payload];
        RelayFrame.WriteDataHeader(frame, handle);
        return frame;
    }
}
