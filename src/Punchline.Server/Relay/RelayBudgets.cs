using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>
/// Budgets by whom they are for, which outlive the pairs that spend them: a pair that is opened again goes on with what the former one
/// left. One is forgotten when nobody has used it for the time of its refill. For the holder of the directory's lock.
/// </summary>
internal sealed class RelayBudgets<TKey, TBudget>(TimeSpan refill, Func<Instant, TBudget> create)
    where TKey : notnull
{
    private readonly Dictionary<TKey, Entry> _entries = [];

    /// <summary>Those that nobody uses, the longest unused first.</summary>
    private readonly LinkedList<TKey> _unused = new();

    /// <summary>Budgets that are remembered.</summary>
    public int Count => _entries.Count;

    /// <summary>The budget of a key, for one more pair. Give it back with <see cref="Return"/>.</summary>
    public TBudget Take(Instant now, TKey key)
    {
        Forget(now);
        if (!_entries.TryGetValue(key, out Entry? entry))
            _entries[key] = entry = new Entry(create(now));
        if (entry.Node is { } node)
            _unused.Remove(node);
        entry.Node = null;
        entry.Users++;
        return entry.Budget;
    }

    /// <summary>A pair has ended.</summary>
    public void Return(Instant now, TKey key)
    {
        Entry entry = _entries[key];
        if (--entry.Users > 0)
            return;
        entry.Left = now;
        entry.Node = _unused.AddLast(key);
        Forget(now);
    }

    // Past the bound the longest unused go early: the budgets of addresses and of what is in use still hold.
    private void Forget(Instant now)
    {
        while (_unused.First is { } first && (_entries.Count > ServerLimits.RememberedBudgets || now - _entries[first.Value].Left >= refill))
        {
            _entries.Remove(first.Value);
            _unused.RemoveFirst();
        }
    }

    private sealed class Entry(TBudget budget)
    {
        public TBudget Budget { get; } = budget;

        public int Users { get; set; }

        public Instant Left { get; set; }

        public LinkedListNode<TKey>? Node { get; set; }
    }
}
