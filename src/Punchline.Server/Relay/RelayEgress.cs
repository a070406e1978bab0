using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Server.Relay;

/// <summary>
/// Sends relayed runs over UDP, and joins those that wait for the same address: datagrams that came one by one, as a paced sender's do,
/// leave in one system call as soon as there is more than one of them. It never waits for more; the loop flushes when it has read
/// all there is.
/// </summary>
/// <param name="sockets">One for each family.</param>
/// <param name="counters">Where failures and batches are counted.</param>
internal sealed class RelayEgress(IReadOnlyList<IUdpSocket> sockets, RelayCounters counters)
{
    /// <summary>
    /// Addresses that may wait at once, half a megabyte in all. The flows of one turn beyond them send each other away early, which costs a
    /// system call and nothing else.
    /// </summary>
    private const int Slots = 8;

    private readonly Batch[] _slots = [.. Enumerable.Range(0, Slots).Select(static _ => new Batch())];
    private int _next;

    /// <summary>Takes a run for its address; what was taken for one address leaves in that order.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="local">The source address to use.</param>
    /// <param name="run">Every <paramref name="segmentSize"/> bytes are one datagram; it is copied or sent.</param>
    /// <param name="segmentSize">Bytes of each but the last.</param>
    public void Add(in UdpAddress to, in UdpAddress local, ReadOnlySpan<byte> run, int segmentSize)
    {
        if (UdpPorts.For(sockets, to) is not { } socket)
            return;
        int most = MostBytes(socket, segmentSize);
        Batch? waiting = Find(to, local);
        if (waiting is not null && waiting.TryAppend(run, segmentSize, most))
            return;
        Flush(waiting);
        // One that is half full would hardly find company.
        if (run.Length > most / 2)
            SendRelayed(socket, to, local, run, segmentSize);
        else
            (waiting ?? Free()).Begin(socket, to, local, run, segmentSize);
    }

    /// <summary>Sends all that waits.</summary>
    public void Flush()
    {
        foreach (Batch batch in _slots)
            Flush(batch);
    }

    /// <summary>Sends at once. A full socket buffer drops, as any router would: QUIC and STUN repeat what matters.</summary>
    public void Send(IUdpSocket socket, in UdpAddress to, in UdpAddress local, ReadOnlySpan<byte> run, int segmentSize)
    {
        int most = MostBytes(socket, segmentSize);
        for (int offset = 0; offset < run.Length; offset += most)
        {
            ReadOnlySpan<byte> batch = run.Slice(offset, Math.Min(most, run.Length - offset));
            if (socket.Send(to, local, batch, segmentSize, ect0: false, timeToLive: 0) != UdpSendStatus.Sent)
                counters.SendFailed += (batch.Length + segmentSize - 1) / segmentSize;
        }
    }

    /// <summary>Bytes of whole datagrams that this socket takes in one send.</summary>
    private static int MostBytes(IUdpSocket socket, int segmentSize) =>
        Math.Max(1, Math.Min(socket.MaxSegments, UdpLimits.MaxBatchBytes / segmentSize)) * segmentSize;

    private Batch? Find(in UdpAddress to, in UdpAddress local)
    {
        foreach (Batch batch in _slots)
        {
            if (batch.Length > 0 && batch.To == to && batch.Local == local)
                return batch;
        }
        return null;
    }

    private Batch Free()
    {
        foreach (Batch batch in _slots)
        {
            if (batch.Length == 0)
                return batch;
        }
        _next = (_next + 1) % Slots;
        Flush(_slots[_next]);
        return _slots[_next];
    }

    private void Flush(Batch? batch)
    {
        if (batch is not { Length: > 0 })
            return;
        SendRelayed(batch.Socket!, batch.To, batch.Local, batch.Bytes, batch.SegmentSize);
        batch.Clear();
    }

    private void SendRelayed(IUdpSocket socket, in UdpAddress to, in UdpAddress local, ReadOnlySpan<byte> run, int segmentSize)
    {
        counters.Batches++;
        Send(socket, to, local, run, segmentSize);
    }

    /// <summary>What waits for one address.</summary>
    private sealed class Batch
    {
        private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(UdpLimits.MaxBatchBytes, pinned: true);

        public IUdpSocket? Socket { get; private set; }

        public UdpAddress To { get; private set; }

        public UdpAddress Local { get; private set; }

        public int SegmentSize { get; private set; }

        /// <summary>0: it is free.</summary>
        public int Length { get; private set; }

        public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, Length);

        public void Begin(IUdpSocket socket, in UdpAddress to, in UdpAddress local, ReadOnlySpan<byte> run, int segmentSize)
        {
            (Socket, To, Local) = (socket, to, local);
            SegmentSize = segmentSize;
            run.CopyTo(_buffer);
            Length = run.Length;
        }

        /// <summary>
        /// Appends a run of the same datagram size. A shorter one would fit as well, but a probe of the path's MTU, which may be lost alone,
        /// must not take another datagram with it.
        /// </summary>
        /// <returns>False if it does not fit.</returns>
        public bool TryAppend(ReadOnlySpan<byte> run, int segmentSize, int most)
        {
            // Behind a shorter datagram nothing can follow.
            if (segmentSize != SegmentSize || Length % SegmentSize != 0 || Length + run.Length > most)
                return false;
            run.CopyTo(_buffer.AsSpan(Length));
            Length += run.Length;
            return true;
        }

        public void Clear() => (Length, Socket) = (0, null);
    }
}
