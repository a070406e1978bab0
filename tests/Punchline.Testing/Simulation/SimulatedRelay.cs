using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// A forwarder between two peers, as the server is: each peer sends to a port of its own, and hears the other from there. Where a
/// peer is to be found the relay learns from what comes to that port, as the real one does by handle.
/// <code>
///   one --&gt; relay:one  ==&gt;  relay:other --&gt; other
/// </code>
/// Both together have one rate and one queue.
/// </summary>
/// <param name="one">The port for one peer.</param>
/// <param name="other">The port for the other.</param>
/// <param name="rate">Bytes a second over both directions; 0 is no limit.</param>
/// <param name="queue">Bytes that may wait for the rate; more are dropped.</param>
public sealed class SimulatedRelay(UdpAddress one, UdpAddress other, long rate = 0, int queue = 64 * 1024)
{
    private readonly RateQueue _queue = new();
    private UdpAddress _peerOne;
    private UdpAddress _peerOther;

    /// <summary>The port for one peer.</summary>
    public UdpAddress One => one;

    /// <summary>The port for the other.</summary>
    public UdpAddress Other => other;

    /// <summary>Nothing is forwarded: the server is down.</summary>
    public bool IsDown { get; set; }

    /// <summary>Where the peer of a port was last seen: its server-reflexive address. None if it has not been.</summary>
    public UdpAddress SeenAt(UdpAddress port) => port == one ? _peerOne : _peerOther;

    internal bool Owns(UdpAddress address) => address == one || address == other;

    /// <summary>A datagram came to one of the ports.</summary>
    /// <returns>False if it goes nowhere.</returns>
    internal bool TryForward(Instant now, UdpAddress port, UdpAddress from, int length, out UdpAddress source, out UdpAddress target, out Instant leaves)
    {
        bool isOne = port == one;
        if (!IsDown)
        {
            if (isOne)
                _peerOne = from;
            else
                _peerOther = from;
        }
        (source, target, leaves) = isOne ? (other, _peerOther, now) : (one, _peerOne, now);
        // An empty datagram only says where its sender is, as the real one's greeting does.
        return !IsDown && length > 0 && !target.IsNone && _queue.TryPass(now, length, rate, queue, out leaves);
    }
}

/// <summary>A rate with a queue in front of it.</summary>
internal sealed class RateQueue
{
    private Instant _freeAt;

    /// <summary>When a datagram has gone through.</summary>
    /// <returns>False if the queue is full.</returns>
    internal bool TryPass(Instant now, int length, long rate, int queue, out Instant leaves)
    {
        leaves = now;
        if (rate == 0)
            return true;
        Instant free = Instant.Max(_freeAt, now);
        if ((free - now).TotalSeconds * rate > queue)
            return false;
        _freeAt = leaves = free + TimeSpan.FromSeconds((double)length / rate);
        return true;
    }
}
