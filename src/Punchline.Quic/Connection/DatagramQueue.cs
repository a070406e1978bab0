using System.Buffers.Binary;

namespace Punchline.Quic;

/// <summary>A first-in first-out queue of short byte strings in one bounded ring: no allocation for each.</summary>
/// <remarks>
/// <code>
/// ring: | length (2) | payload | length (2) | payload | free ... |
/// </code>
/// </remarks>
internal sealed class DatagramQueue(int capacity)
{
    private const int PrefixLength = 2;

    private byte[] _ring = [];
    private int _head;
    private int _used;

    /// <summary>Payloads in the queue.</summary>
    internal int Count { get; private set; }

    /// <summary>The length of the first payload, -1 if there is none.</summary>
    internal int FirstLength
    {
        get
        {
            if (Count == 0)
                return -1;
            Span<byte> prefix = stackalloc byte[PrefixLength];
            CopyOut(_head, prefix);
            return BinaryPrimitives.ReadUInt16LittleEndian(prefix);
        }
    }

    /// <summary>Adds a payload of at most 65,535 bytes.</summary>
    /// <returns>False if there is no room: nothing was added.</returns>
    internal bool TryEnqueue(ReadOnlySpan<byte> payload)
    {
        int needed = PrefixLength + payload.Length;
        if (payload.Length > ushort.MaxValue || needed > capacity - _used)
            return false;
        if (needed > _ring.Length - _used)
            Grow(_used + needed);
        Span<byte> prefix = stackalloc byte[PrefixLength];
        BinaryPrimitives.WriteUInt16LittleEndian(prefix, (ushort)payload.Length);
        CopyIn(prefix);
        CopyIn(payload);
        Count++;
        return true;
    }

    /// <summary>Takes the first payload out; what the destination has no room for is lost.</summary>
    /// <returns>False if the queue is empty.</returns>
    internal bool TryDequeue(Span<byte> destination, out int length)
    {
        length = FirstLength;
        if (length < 0)
        {
            length = 0;
            return false;
        }
        int copied = Math.Min(length, destination.Length);
        CopyOut((_head + PrefixLength) % _ring.Length, destination[..copied]);
        int removed = PrefixLength + length;
        _head = (_head + removed) % _ring.Length;
        _used -= removed;
        Count--;
        length = copied;
        return true;
    }

    private void Grow(int needed)
    {
        var ring = new byte[Math.Min(capacity, Math.Max(4096, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed)))];
        CopyOut(_head, ring.AsSpan(0, _used));
        _ring = ring;
        _head = 0;
    }

    private void CopyIn(ReadOnlySpan<byte> bytes)
    {
        int tail = (_head + _used) % _ring.Length;
        int first = Math.Min(bytes.Length, _ring.Length - tail);
        bytes[..first].CopyTo(_ring.AsSpan(tail));
        bytes[first..].CopyTo(_ring);
        _used += bytes.Length;
    }

    private void CopyOut(int position, Span<byte> destination)
    {
        int first = Math.Min(destination.Length, _ring.Length - position);
        _ring.AsSpan(position, first).CopyTo(destination);
        _ring.AsSpan(0, destination.Length - first).CopyTo(destination[first..]);
    }
}
