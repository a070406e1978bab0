namespace Punchline.Server.Control;

/// <summary>
/// The memory in which DATA frames wait for all channels. Peers that read nothing can fill it; the others then still have room for
/// <see cref="ServerLimits.ReservedFrameBytes"/> each, so that they become slower and no more. One thread takes, any gives back.
/// </summary>
internal sealed class FrameMemory
{
    private long _held;

    /// <summary>Bytes that are held by all.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <summary>What one channel may hold now, in bytes.</summary>
    public int Share => (int)Math.Clamp(ServerLimits.QueuedFrameBytesInAll - Held, ServerLimits.ReservedFrameBytes, ServerLimits.QueuedFrameBytes);

    /// <summary>What a batch of so many bytes is charged.</summary>
    public static int CostOf(int length) => Math.Max(length, ServerLimits.LeastQueuedCost);

    /// <summary>Takes so many bytes.</summary>
    public void Take(int bytes) => Interlocked.Add(ref _held, bytes);

    /// <summary>Gives them back.</summary>
    public void GiveBack(int bytes) => Interlocked.Add(ref _held, -bytes);
}
