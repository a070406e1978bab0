using System.Diagnostics;
using System.Numerics;

namespace Punchline.Quic.Streams;

/// <summary>
/// A stretch of a stream's bytes, addressed by stream offset, that slides forward. Chunk number n holds the
/// offsets from n * ChunkSize on and stands in a ring at n modulo its length: reaching any byte costs one index.
/// Chunks come with the first byte that needs them and go once all their bytes are dropped.
/// </summary>
internal struct ChunkWindow(ChunkAccount chunks)
{
    private const int InitialRing = 4;
    private const ulong InChunk = ChunkPool.ChunkSize - 1;

    private byte[]?[] _ring = [];
    private ulong _first; // the lowest chunk number that may be held
    private ulong _end;   // one past the highest chunk number that may be held

    /// <summary>Stores bytes at an offset, which must not lie before what was dropped.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        Debug.Assert(offset >> ChunkPool.ChunkBits >= _first, "the window only slides forward");
        while (!data.IsEmpty)
        {
            Span<byte> room = ChunkFor(offset >> ChunkPool.ChunkBits).AsSpan((int)(offset & InChunk));
            int count = Math.Min(room.Length, data.Length);
            data[..count].CopyTo(room);
            data = data[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>Copies bytes that were written before and not dropped.</summary>
    public readonly void CopyTo(ulong offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            byte[]? chunk = _ring[Slot(offset >> ChunkPool.ChunkBits)];
            Debug.Assert(chunk != null, "only bytes that were written are read");
            ReadOnlySpan<byte> bytes = chunk.AsSpan((int)(offset & InChunk));
            int count = Math.Min(bytes.Length, destination.Length);
            bytes[..count].CopyTo(destination);
            destination = destination[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>Gives back the chunks that lie wholly before an offset.</summary>
    public void DropBefore(ulong offset) => Advance(offset >> ChunkPool.ChunkBits);

    /// <summary>Gives back every chunk; the next byte to come stands at an offset not before <paramref name="offset"/>.</summary>
    public void DropAll(ulong offset)
    {
        Advance(Math.Max(_end, _first));
        _first = _end = offset >> ChunkPool.ChunkBits;
    }

    private void Advance(ulong first)
    {
        for (ulong end = Math.Min(first, _end); _first < end; _first++)
        {
            ref byte[]? slot = ref _ring[Slot(_first)];
            if (slot != null)
                chunks.Return(slot);
            slot = null;
        }
        _first = Math.Max(_first, first);
        _end = Math.Max(_end, _first);
    }

    private byte[] ChunkFor(ulong number)
    {
        if (number >= _end)
        {
            if (number - _first >= (ulong)_ring.Length)
                Grow(number - _first + 1);
            _end = number + 1;
        }
        return _ring[Slot(number)] ??= chunks.Rent();
    }

    // The window's width bounds the ring: flow control on the receiving side, the buffer limit on the sending side.
    private void Grow(ulong needed)
    {
        var ring = new byte[]?[Math.Max(InitialRing, (int)BitOperations.RoundUpToPowerOf2(needed))];
        for (ulong number = _first; number < _end; number++)
            ring[(int)(number & (ulong)(ring.Length - 1))] = _ring[Slot(number)];
        _ring = ring;
    }

    private readonly int Slot(ulong number) => (int)(number & (ulong)(_ring.Length - 1));
}
