using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>DATA frames of one handle that came in one batch, one behind the other: they stay together until the other end has them.</summary>
internal static class RelayRun
{
    /// <summary>How many bytes at the front of a batch are one run; 0 if its first datagram is no DATA frame.</summary>
    /// <param name="batch">Datagrams of one sender.</param>
    /// <param name="segmentSize">Bytes of each but the last.</param>
    public static int Measure(ReadOnlySpan<byte> batch, int segmentSize)
    {
        int length = Math.Min(segmentSize, batch.Length);
        if (!RelayFrame.TryReadDataHeader(batch[..length], out ulong handle))
            return 0;
        while (length < batch.Length)
        {
            int next = Math.Min(segmentSize, batch.Length - length);
            if (!RelayFrame.TryReadDataHeader(batch.Slice(length, next), out ulong other) || other != handle)
                break;
            length += next;
        }
        return length;
    }

    /// <summary>Replaces the handle of each frame.</summary>
    public static void WriteHandle(Span<byte> run, int segmentSize, ulong handle)
    {
        for (int offset = 0; offset < run.Length; offset += segmentSize)
            RelayFrame.WriteDataHeader(run[offset..], handle);
    }
}
