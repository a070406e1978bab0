namespace Punchline.Endpoint;

/// <summary>
/// A bounded queue of datagrams between the driver and the loops beside it, any number of writers and one reader: fixed slots in one
/// array, so nothing is allocated per datagram. A full queue drops the newest, as a full socket buffer does.
/// </summary>
internal sealed class DatagramInbox<TTag>(int slots, int slotSize)
{
    private readonly Lock _producers = new();
    // Made when the first datagram comes: most peers never have one.
    private byte[] _bytes = [];
    private (TTag Tag, int Length)[] _entries = [];
    private long _written;
    private long _read;
    private long _dropped;

    /// <summary>Datagrams that found the queue full.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Puts a copy into the queue. Any thread.</summary>
    /// <param name="tag">Whose it is.</param>
    /// <param name="datagram">At most the slot's size.</param>
    public bool TryAdd(TTag tag, ReadOnlySpan<byte> datagram)
    {
        lock (_producers)
        {
            if (_written - Volatile.Read(ref _read) == slots)
            {
                _dropped++;
                return false;
            }
            if (_bytes.Length == 0)
            {
                _entries = new (TTag, int)[slots];
                _bytes = new byte[slots * slotSize];
            }
            int slot = (int)(_written % slots);
            datagram.CopyTo(_bytes.AsSpan(slot * slotSize, slotSize));
            _entries[slot] = (tag, datagram.Length);
            Volatile.Write(ref _written, _written + 1);
            return true;
        }
    }

    /// <summary>Looks at the oldest; it stays valid until <see cref="Release"/>. The reader alone.</summary>
    public bool TryPeek(out TTag tag, out ReadOnlySpan<byte> datagram)
    {
        if (_read == Volatile.Read(ref _written))
        {
            tag = default!;
            datagram = default;
            return false;
        }
        int slot = (int)(_read % slots);
        tag = _entries[slot].Tag;
        datagram = _bytes.AsSpan(slot * slotSize, _entries[slot].Length);
        return true;
    }

    /// <summary>Frees the slot of the oldest. The reader alone.</summary>
    public void Release()
    {
        _entries[(int)(_read % slots)].Tag = default!;
        Volatile.Write(ref _read, _read + 1);
    }
}
