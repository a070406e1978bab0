using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// A network in virtual time: datagrams are delayed, lost, doubled, altered and reordered as a seed says. Nothing sleeps:
/// time jumps to the next thing that happens. The same seed makes the same run, event for event.
/// </summary>
public sealed partial class SimulatedNetwork
{
    private readonly SeededRandomness _random;
    private readonly PriorityQueue<Delivery, (long At, long Order)> _flying = new();
    private readonly PriorityQueue<Action, (long At, long Order)> _scheduled = new();
    private readonly List<SimulatedPeer> _peers = [];
    private long _order;
    private int _stepsAtInstant;

    /// <summary>An empty network.</summary>
    public SimulatedNetwork(ulong seed) => _random = new SeededRandomness(seed);

    /// <summary>The time; it starts at one second, so that nothing mistakes zero for a time.</summary>
    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1);

    /// <summary>Everything that happened, in order.</summary>
    public EventLog Log { get; } = new();

    /// <summary>Seeded randomness for what belongs to the network.</summary>
    public SeededRandomness Random => _random;

    /// <summary>What links do that were not set.</summary>
    public LinkProfile Default { get; set; } = new();

    /// <summary>Is asked about each datagram before the link is: true drops it. For tests that aim at one packet.</summary>
    public Func<SimulatedPeer, ReadOnlyMemory<byte>, bool>? DropFilter { get; set; }

    /// <summary>Sees where each datagram goes, and its length.</summary>
    public Action<UdpAddress, int>? Watch { get; set; }

    /// <summary>Who stands on the way: sees each datagram that a peer sends, with its source and target; true takes it away.</summary>
    public Func<UdpAddress, UdpAddress, ReadOnlyMemory<byte>, bool>? OnTheWay { get; set; }

    /// <summary>Sees each datagram that reaches a peer: whence, whither, and its length.</summary>
    public Action<UdpAddress, UdpAddress, int>? Arrived { get; set; }

    /// <summary>Datagrams handed to the network so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Steps without time passing before a run counts as stuck.</summary>
    public int MaxStepsAtInstant { get; init; } = 10_000;

    /// <summary>Adds a peer.</summary>
    public void Add(SimulatedPeer peer) => _peers.Add(peer);

    /// <summary>Does something when its time comes, before the datagrams of that time arrive; by its order among those of one time.</summary>
    public void Schedule(Instant at, Action action) => _scheduled.Enqueue(action, (at.Ticks, _order++));

    /// <summary>Somebody sends a datagram under a source address of their choice; no link delays or loses it.</summary>
    public void Inject(UdpAddress source, UdpAddress target, ReadOnlySpan<byte> datagram, TimeSpan after) =>
        _flying.Enqueue(new Delivery(source, target, datagram.ToArray(), null), ((Now + after).Ticks, _order++));

    /// <summary>Runs until a condition holds, nothing more can happen, or the time is over.</summary>
    /// <returns>True if the condition holds.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        Instant end = Now + limit;
        while (!condition())
        {
            if (!Step(end))
                return condition();
        }
        return true;
    }

    /// <summary>Lets time pass.</summary>
    public void RunFor(TimeSpan time)
    {
        Instant end = Now + time;
        while (Step(end))
        {
        }
        Now = Instant.Max(Now, end);
    }

    private bool Step(Instant end)
    {
        foreach (SimulatedPeer peer in _peers)
            peer.Flush();
        Instant next = _flying.TryPeek(out _, out (long At, long Order) first) ? new Instant(first.At) : Instant.Never;
        if (_scheduled.TryPeek(out _, out first))
            next = Instant.Min(next, new Instant(first.At));
        foreach (SimulatedPeer peer in _peers)
            next = Instant.Min(next, peer.NextTimeout);
        if (!next.IsSet || next > end)
            return false;
        _stepsAtInstant = next <= Now ? _stepsAtInstant + 1 : 0;
        if (_stepsAtInstant > MaxStepsAtInstant)
            throw new InvalidOperationException($"time stands still: a deadline that has passed is not acted on\n{Log.Tail}");
        Now = Instant.Max(Now, next);
        while (_scheduled.TryPeek(out Action? action, out first) && first.At <= Now.Ticks)
        {
            _scheduled.Dequeue();
            action();
        }
        while (_flying.TryPeek(out _, out first) && first.At <= Now.Ticks)
            Deliver(_flying.Dequeue());
        foreach (SimulatedPeer peer in _peers)
            peer.OnTimeout();
        foreach (SimulatedPeer peer in _peers)
            peer.Flush();
        return true;
    }
}
