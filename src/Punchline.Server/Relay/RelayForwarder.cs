using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>What to do with a datagram after the forwarder has looked at it.</summary>
internal enum RelayAction
{
    Drop,

    /// <summary>Send the answer back to where the datagram came from.</summary>
    Answer,

    /// <summary>Send the datagram, whose handle was replaced in place, to the other end.</summary>
    Forward,
}

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

    /// <param name="frame">The datagram; its handle may be replaced.</param>
    /// <param name="answer">Room for <see cref="MaxAnswer"/> bytes.</param>
    /// <param name="answerLength">Bytes of the answer, on Answer.</param>
    /// <param name="target">The other end, on Forward.</param>
    public RelayAction Receive(Instant now, in UdpAddress from, in UdpAddress local, Span<byte> frame, Span<byte> answer, out int answerLength, out RelayBinding? target)
    {
        answerLength = 0;
        target = null;
        if (RelayFrame.TryReadDataHeader(frame, out ulong handle))
            return Forward(now, from, frame, handle, out target);
        if (RelayFrame.TryReadCookieRequest(frame, out ulong echo))
        {
            answerLength = WriteCookie(now, from, echo, answer);
            return RelayAction.Answer;
        }
        if (RelayFrame.TryReadBind(frame, out BindFrame bind, out ReadOnlySpan<byte> cookie))
            return Bind(now, from, local, frame, bind, cookie, answer, out answerLength);
        Counters.Malformed++;
        return RelayAction.Drop;
    }

    private RelayAction Forward(Instant now, in UdpAddress from, Span<byte> frame, ulong handle, out RelayBinding? target)
    {
        target = null;
        if (!table.TryGetPair(handle, out RelayPair? pair))
        {
            Counters.UnknownHandle++;
            return RelayAction.Drop;
        }
        bool fromClient = handle == pair!.Client.Handle;
        RelayBinding source = fromClient ? pair.Client : pair.Host;
        RelayBinding other = fromClient ? pair.Host : pair.Client;
        if (source.Address != from || other.Address.IsNone)
        {
            Counters.NotBound++;
            return RelayAction.Drop;
        }
        if (!pair.TrySpend(now, frame.Length))
        {
            Counters.OverLimit++;
            return RelayAction.Drop;
        }
        RelayFrame.WriteDataHeader(frame, fromClient ? pair.HostHandle : pair.Client.Handle);
        target = other;
        Counters.Forwarded++;
        Counters.ForwardedBytes += frame.Length;
        return RelayAction.Forward;
    }

    private RelayAction Bind(Instant now, in UdpAddress from, in UdpAddress local, ReadOnlySpan<byte> frame, in BindFrame bind, ReadOnlySpan<byte> cookie,
        Span<byte> answer, out int answerLength)
    {
        answerLength = 0;
        // The address first: whoever cannot receive there learns nothing and costs nothing.
        if (!_cookies.IsValid(now, from, cookie))
        {
            answerLength = WriteCookie(now, from, bind.Sequence, answer);
            return RelayAction.Answer;
        }
        if (!table.TryGetBinding(bind.Handle, out RelayBinding? binding) || !RelayFrame.VerifyBind(frame, binding!.Key))
        {
            Counters.BadBind++;
            return RelayAction.Drop;
        }
        bool repeated = bind.Sequence == binding.LastSequence && binding.Address == from;
        if (bind.Sequence <= binding.LastSequence && !repeated)
        {
            Counters.BadBind++;
            return RelayAction.Drop;
        }
        binding.LastSequence = bind.Sequence;
        binding.Address = from;
        binding.Local = local;
        answerLength = RelayFrame.WriteBound(answer, new BoundFrame(bind.Handle, bind.Sequence, from));
        return RelayAction.Answer;
    }

    private int WriteCookie(Instant now, in UdpAddress from, ulong echo, Span<byte> answer)
    {
        Span<byte> cookie = stackalloc byte[RelayFrame.CookieLength];
        _cookies.Bake(now, from, cookie);
        return RelayFrame.WriteCookie(answer, echo, cookie);
    }
}
