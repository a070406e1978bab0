using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>
/// Binds addresses and forwards DATA frames (docs/wire/relay.md). No I/O, and nothing allocated for a datagram; the UDP loop owns it.
/// What is forwarded is never read behind the handle.
/// </summary>
internal sealed class RelayForwarder(RelayTable table, IRandomness randomness)
{
    /// <summary>Room that an answer may need.</summary>
    public const int MaxAnswer = 64;

    private readonly CookieJar _cookies = new(randomness);

    public RelayCounters Counters { get; } = new();

    /// <summary>Answers that are due later.</summary>
    public PromiseBook Promises { get; } = new();

    /// <summary>Looks at a run that came over UDP.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Who sent it.</param>
    /// <param name="run">DATA frames of one handle (<see cref="RelayRun.Measure"/>), which is replaced in what may pass.</param>
    /// <param name="segmentSize">Bytes of each frame but the last.</param>
    /// <param name="target">The other end, if anything may pass.</param>
    /// <returns>How many bytes from the front may pass: whole frames.</returns>
    public int Forward(Instant now, in UdpAddress from, Span<byte> run, int segmentSize, out RelayBinding? target)
    {
        if (!TryFind(run, segmentSize, out RelayPair? pair, out RelayBinding? source))
            target = null;
        else if (source!.Address == from)
            return Forward(now, pair!, source, onChannel: false, run, segmentSize, out target);
        else
            target = DropUnbound(run, segmentSize);
        return 0;
    }

    /// <summary>The same for a run that came on a control channel.</summary>
    public int Forward(Instant now, IRelayChannel from, Span<byte> run, int segmentSize, out RelayBinding? target)
    {
        if (!TryFind(run, segmentSize, out RelayPair? pair, out RelayBinding? source))
            target = null;
        else if (source!.Channel == from)
            return Forward(now, pair!, source, onChannel: true, run, segmentSize, out target);
        else
            target = DropUnbound(run, segmentSize);
        return 0;
    }

    /// <summary>Looks at a frame that is no DATA.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Who sent it.</param>
    /// <param name="local">Our address that it reached.</param>
    /// <param name="frame">The datagram.</param>
    /// <param name="answer">Room for <see cref="MaxAnswer"/> bytes.</param>
    /// <returns>Bytes of the answer, which goes back there; 0 without one.</returns>
    public int Answer(Instant now, in UdpAddress from, in UdpAddress local, ReadOnlySpan<byte> frame, Span<byte> answer)
    {
        if (RelayFrame.TryReadCookieRequest(frame, out ulong echo))
            return WriteCookie(now, from, echo, answer);
        if (RelayFrame.TryReadBind(frame, out BindFrame bind, out ReadOnlySpan<byte> cookie))
            return Bind(now, from, local, frame, bind, cookie, answer);
        if (LaterFrame.TryReadAsk(frame, out AskLater ask, out cookie))
            return Promise(now, from, local, ask, cookie, answer);
        Counters.Malformed++;
        return 0;
    }

    private int Promise(Instant now, in UdpAddress from, in UdpAddress local, in AskLater ask, ReadOnlySpan<byte> cookie, Span<byte> answer)
    {
        if (!_cookies.IsValid(now, from, cookie))
            return WriteCookie(now, from, ask.Token, answer);
        bool isPromised = ask.Seconds is > 0 and <= LaterFrame.MaxSeconds
            && Promises.TryAdd(now, new Promise(from, local, ask.Token), TimeSpan.FromSeconds(ask.Seconds));
        return LaterFrame.WriteAnswer(answer, new Later(ask.Token, isPromised ? LaterStatus.Promised : LaterStatus.Refused));
    }

    private int Forward(Instant now, RelayPair pair, RelayBinding source, bool onChannel, Span<byte> run, int segmentSize, out RelayBinding? target)
    {
        source.Heard(onChannel);
        (RelayBinding other, ulong handle) = pair.Beside(source);
        if (!other.IsReachable || (other.IsOnChannel && segmentSize > RelayFrame.MaxChannelFrame))
        {
            target = DropUnbound(run, segmentSize);
            return 0;
        }
        int passed = pair.Spend(now, run.Length, segmentSize, out bool isShort);
        int length = Math.Min(run.Length, passed * segmentSize);
        Counters.OverLimit += Count(run.Length, segmentSize) - passed;
        if (isShort)
            TellLimit(now, pair);
        RelayRun.WriteHandle(run[..length], segmentSize, handle);
        Counters.Forwarded += passed;
        Counters.ForwardedBytes += length;
        target = other;
        return length;
    }

    // The run's pair and the end that its handle stands for.
    private bool TryFind(ReadOnlySpan<byte> run, int segmentSize, out RelayPair? pair, out RelayBinding? source)
    {
        source = null;
        RelayFrame.TryReadDataHeader(run, out ulong handle);
        if (!table.TryGetPair(handle, out pair))
        {
            Counters.UnknownHandle += Count(run.Length, segmentSize);
            return false;
        }
        source = handle == pair!.Client.Handle ? pair.Client : pair.Host;
        return true;
    }

    private RelayBinding? DropUnbound(ReadOnlySpan<byte> run, int segmentSize)
    {
        Counters.NotBound += Count(run.Length, segmentSize);
        return null;
    }

    // Data waits until the quota is whole again; both ends are told now and then, as they would go on trying.
    private void TellLimit(Instant now, RelayPair pair)
    {
        if (!pair.TryTakeLimit(now, out RelayLimitReason reason, out uint seconds))
            return;
        Counters.Limits++;
        pair.Client.Channel.TrySend(new RelayLimit(pair.Client.Handle, reason, seconds));
        pair.Host.Channel.TrySend(new RelayLimit(pair.HostHandle, reason, seconds));
    }

    private int Bind(Instant now, in UdpAddress from, in UdpAddress local, ReadOnlySpan<byte> frame, in BindFrame bind, ReadOnlySpan<byte> cookie, Span<byte> answer)
    {
        // The address first: whoever cannot receive there learns nothing and costs nothing.
        if (!_cookies.IsValid(now, from, cookie))
            return WriteCookie(now, from, bind.Sequence, answer);
        if (!table.TryGetBinding(bind.Handle, out RelayBinding? binding) || !RelayFrame.VerifyBind(frame, binding!.Key))
        {
            Counters.BadBind++;
            return 0;
        }
        bool repeated = bind.Sequence == binding.LastSequence && binding.Address == from;
        if (bind.Sequence <= binding.LastSequence && !repeated)
        {
            Counters.BadBind++;
            return 0;
        }
        binding.Bind(now, from, local, bind.Sequence);
        return RelayFrame.WriteBound(answer, new BoundFrame(bind.Handle, bind.Sequence, from));
    }

    private int WriteCookie(Instant now, in UdpAddress from, ulong echo, Span<byte> answer)
    {
        Span<byte> cookie = stackalloc byte[RelayFrame.CookieLength];
        _cookies.Bake(now, from, cookie);
        return RelayFrame.WriteCookie(answer, echo, cookie);
    }

    private static int Count(int length, int segmentSize) => (length + segmentSize - 1) / segmentSize;
}
