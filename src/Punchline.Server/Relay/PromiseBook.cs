using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>An answer that was promised: to whom, from which address of ours, under which token.</summary>
internal readonly record struct Promise(UdpAddress To, UdpAddress Local, ulong Token);

/// <summary>
/// Answers that peers have asked for at a later time, to learn how long their NAT remembers them (docs/wire/relay.md). Each goes once, to the
/// address that asked and has shown a cookie. The UDP loop owns it.
/// </summary>
internal sealed class PromiseBook
{
    private readonly PriorityQueue<(UdpAddress To, ulong Token), Instant> _queue = new();
    private readonly Dictionary<(UdpAddress To, ulong Token), (Instant DueAt, UdpAddress Local)> _promises = [];
    private readonly Dictionary<UdpAddress, int> _perAddress = [];

    /// <summary>When the next one is due; never if there is none.</summary>
    public Instant NextAt => _queue.TryPeek(out _, out Instant at) ? at : Instant.Never;

    /// <summary>Promises an answer. The same one again counts from now: its first confirmation was lost.</summary>
    /// <param name="now">The time.</param>
    /// <param name="promise">Which.</param>
    /// <param name="delay">From now; the caller has checked it.</param>
    /// <returns>False if there are too many.</returns>
    public bool TryAdd(Instant now, in Promise promise, TimeSpan delay)
    {
        (UdpAddress, ulong) name = (promise.To, promise.Token);
        if (_promises.ContainsKey(name))
        {
            _promises[name] = (now + delay, promise.Local);
            return true; // The queue has it earlier, and then looks again.
        }
        UdpAddress owner = OwnerOf(promise.To);
        int ofOwner = _perAddress.GetValueOrDefault(owner);
        if (_promises.Count >= ServerLimits.Promises || ofOwner >= ServerLimits.PromisesPerAddress)
            return false;
        _perAddress[owner] = ofOwner + 1;
        _promises[name] = (now + delay, promise.Local);
        _queue.Enqueue(name, now + delay);
        return true;
    }

    /// <summary>Takes one that is due.</summary>
    public bool TryTakeDue(Instant now, out Promise promise)
    {
        while (_queue.TryPeek(out (UdpAddress To, ulong Token) name, out Instant at) && at <= now)
        {
            _queue.Dequeue();
            (Instant dueAt, UdpAddress local) = _promises[name];
            if (dueAt > now)
            {
                _queue.Enqueue(name, dueAt);
                continue;
            }
            _promises.Remove(name);
            UdpAddress owner = OwnerOf(name.To);
            if (--_perAddress[owner] == 0)
                _perAddress.Remove(owner);
            promise = new Promise(name.To, local, name.Token);
            return true;
        }
        promise = default;
        return false;
    }

    private static UdpAddress OwnerOf(in UdpAddress address) => AddressLimiter.KeyOf(address.ToIPAddress());
}
