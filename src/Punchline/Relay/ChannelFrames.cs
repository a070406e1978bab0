using System.Threading.Channels;
using Punchline.Endpoint;

namespace Punchline.Relay;

/// <summary>
/// The relay's DATA frames on one control channel (docs/wire/relay.md), between the driver thread and the channel's loops. Both ways they
/// wait in short queues, and what finds its queue full is dropped, as by any router: TCP below delivers late rather than not at all, and
/// a second of it in front of each datagram would be worse for QUIC than the loss.
/// </summary>
internal sealed class ChannelFrames
{
    /// <summary>Some 64 KiB: half a second of 1 Mbit/s, and more than the first congestion windows of several connections.</summary>
    internal const int QueuedOut = 43;

    /// <summary>Some 256 KiB, as a UDP socket's buffer holds: the driver comes soon, but the channel's reader is quick.</summary>
    internal const int QueuedIn = 170;

    private readonly DatagramInbox<ulong> _out = new(QueuedOut, RelayFrame.MaxDatagram);
    private readonly DatagramInbox<ulong> _in = new(QueuedIn, RelayFrame.MaxDatagram);
    private readonly Channel<bool> _leaving = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
    private Action _arrived = static () => { };

    /// <summary>Frames that found a queue full.</summary>
    public long Dropped => _out.Dropped + _in.Dropped;

    /// <summary>Who is told, on the channel's reading thread, that something may be taken with <see cref="TryReceive"/>.</summary>
    public void OnArrival(Action arrived) => Volatile.Write(ref _arrived, arrived);

    /// <summary>Queues the datagrams of a batch. Driver thread only.</summary>
    /// <param name="handle">The pair's.</param>
    /// <param name="batch">Every <paramref name="segmentSize"/> bytes are one datagram, with room for the relay's header in front of it.</param>
    /// <param name="segmentSize">Bytes a datagram.</param>
    public void Send(ulong handle, ReadOnlySpan<byte> batch, int segmentSize)
    {
        for (int offset = 0; offset + RelayFrame.DataHeaderLength < batch.Length; offset += segmentSize)
        {
            ReadOnlySpan<byte> segment = batch.Slice(offset, Math.Min(segmentSize, batch.Length - offset));
            _out.TryAdd(handle, segment[RelayFrame.DataHeaderLength..]);
        }
        // Many batches are one signal: whoever waits takes all that is there.
        _leaving.Writer.TryWrite(true);
    }

    /// <summary>Takes the next datagram that came. Driver thread only.</summary>
    /// <param name="destination">At least <see cref="RelayFrame.MaxDatagram"/> bytes.</param>
    /// <param name="handle">The pair's.</param>
    /// <param name="length">Bytes of the datagram.</param>
    public bool TryReceive(Span<byte> destination, out ulong handle, out int length)
    {
        bool any = _in.TryPeek(out handle, out ReadOnlySpan<byte> datagram);
        length = datagram.Length;
        datagram.CopyTo(destination);
        if (any)
            _in.Release();
        return any;
    }

    /// <summary>A frame came on the channel; one that is not well formed is dropped. The channel's reader alone.</summary>
    public void OnFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > RelayFrame.MaxChannelFrame || !RelayFrame.TryReadDataHeader(frame, out ulong handle))
            return;
        if (_in.TryAdd(handle, frame[RelayFrame.DataHeaderLength..]))
            Volatile.Read(ref _arrived)();
    }

    /// <summary>Waits until there may be frames to send. The channel's sender alone.</summary>
    public ValueTask<bool> WaitToSendAsync(CancellationToken cancellationToken) => _leaving.Reader.ReadAsync(cancellationToken);

    /// <summary>Writes the next frame to be sent. The channel's sender alone.</summary>
    /// <param name="frame">At least <see cref="RelayFrame.MaxChannelFrame"/> bytes.</param>
    /// <returns>Its length, 0 if there is none.</returns>
    public int TakeFrame(Span<byte> frame)
    {
        if (!_out.TryPeek(out ulong handle, out ReadOnlySpan<byte> datagram))
            return 0;
        RelayFrame.WriteDataHeader(frame, handle);
        datagram.CopyTo(frame[RelayFrame.DataHeaderLength..]);
        int length = RelayFrame.DataHeaderLength + datagram.Length;
        _out.Release();
        return length;
    }
}
