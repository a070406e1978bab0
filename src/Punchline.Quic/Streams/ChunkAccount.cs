namespace Punchline.Quic.Streams;

/// <summary>One connection's use of a shared <see cref="ChunkPool"/>: the same calls, counted.</summary>
internal sealed class ChunkAccount(ChunkPool pool)
{
    /// <summary>Chunks that this connection holds.</summary>
    public int Chunks { get; private set; }

    /// <summary>Bytes of memory that this connection holds.</summary>
    public long Bytes => (long)Chunks * ChunkPool.ChunkSize;

    /// <summary>A chunk with arbitrary content.</summary>
    public byte[] Rent()
    {
        Chunks++;
        return pool.Rent();
    }

    /// <summary>Gives a chunk back.</summary>
    public void Return(byte[] chunk)
    {
        Chunks--;
        pool.Return(chunk);
    }
}
