using System.Diagnostics;

namespace Punchline.Quic.Streams;

/// <summary>
/// Keeps blocks of memory of one size for stream data. The base library's shared pool keeps few arrays per
/// core and would allocate with a long path's window in flight. One owner, no locks: all connections of one
/// driver loop share a pool.
/// </summary>
/// <param name="maxKept">How many unused chunks to keep; more are left to the garbage collector.</param>
internal sealed class ChunkPool(int maxKept = ChunkPool.DefaultMaxKept)
{
    /// <summary>
    /// Bytes in a chunk. A packet's data touches at most two; a stream with one byte waiting costs one.
    /// </summary>
    public const int ChunkSize = 1 << ChunkBits;

    /// <summary>The binary logarithm of <see cref="ChunkSize"/>.</summary>
    public const int ChunkBits = 12;

    /// <summary>16 MiB: a full send buffer and a full receive window of one busy connection.</summary>
    public const int DefaultMaxKept = 4096;

    private readonly Stack<byte[]> _free = new();

    /// <summary>Chunks that are in use.</summary>
    public int Rented { get; private set; }

    /// <summary>A chunk with arbitrary content.</summary>
    public byte[] Rent()
    {
        Rented++;
        return _free.TryPop(out byte[]? chunk) ? chunk : GC.AllocateUninitializedArray<byte>(ChunkSize);
    }

    /// <summary>Gives a chunk back. The caller keeps no reference.</summary>
    public void Return(byte[] chunk)
    {
        Debug.Assert(chunk.Length == ChunkSize && Rented > 0, "a chunk goes back once, to the pool that it came from");
        Rented--;
        if (_free.Count < maxKept)
            _free.Push(chunk);
    }
}
