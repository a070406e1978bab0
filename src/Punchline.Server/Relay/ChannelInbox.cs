using System.Runtime.InteropServices;

namespace Punchline.Server.Relay;

/// <summary>
/// DATA frames from control channels on their way to the UDP loop: a ring of slots, all there is from the start. Full, or full of one
/// channel's, it drops, as any router would. Any thread puts in, the UDP loop takes.
/// </summary>
internal sealed class ChannelInbox
{
    private readonly Lock _lock = new();
    private readonly Slot[] _slots = new Slot[ServerLimits.InboxFrames];
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(ServerLimits.InboxFrames * SlotLength, pinned: true);
    private int _first;
    private int _count;

    /// <summary>Bytes of a slot: the longest frame, rounded up.</summary>
    private const int SlotLength = 1536;

    /// <summary>Called when frames wait; set before the first one comes.</summary>
    public Action? OnWaiting { get; set; }

    /// <summary>Frames that found no room.</summary>
    public long Dropped { get; private set; }

    /// <summary>Where a channel puts its frames in.</summary>
    public Source SourceOf(IRelayChannel channel) => new(this, channel);

    /// <summary>Takes the frames that came first, those behind it too that are of the same channel and of one size: a batch.</summary>
    /// <param name="buffer">Room for one frame at least.</param>
    /// <param name="segmentSize">Bytes of each frame but the last.</param>
    /// <param name="channel">Where they came from.</param>
    /// <returns>Bytes of the batch; 0 if nothing waits.</returns>
    public int Take(Span<byte> buffer, out int segmentSize, out IRelayChannel? channel)
    {
        segmentSize = 0;
        channel = null;
        int length = 0;
        lock (_lock)
        {
            while (_count > 0)
            {
                ref Slot slot = ref _slots[_first];
                bool fits = length == 0
                    || (slot.From!.Channel == channel && slot.Length <= segmentSize && length % segmentSize == 0 && slot.Length <= buffer.Length - length);
                if (!fits)
                    break;
                if (length == 0)
                {
                    channel = slot.From!.Channel;
                    segmentSize = slot.Length;
                }
                _bytes.AsSpan(_first * SlotLength, slot.Length).CopyTo(buffer[length..]);
                length += slot.Length;
                slot.From!.Waiting--;
                slot.From = null;
                _first = (_first + 1) % _slots.Length;
                _count--;
            }
        }
        return length;
    }

    private bool TryAdd(Source from, ReadOnlySpan<byte> frame)
    {
        bool wasEmpty;
        lock (_lock)
        {
            if (_count == _slots.Length || from.Waiting == ServerLimits.InboxFramesPerChannel)
            {
                Dropped++;
                return false;
            }
            int index = (_first + _count) % _slots.Length;
            frame.CopyTo(_bytes.AsSpan(index * SlotLength, SlotLength));
            _slots[index] = new Slot { From = from, Length = frame.Length };
            wasEmpty = _count++ == 0;
            from.Waiting++;
        }
        if (wasEmpty)
            OnWaiting?.Invoke();
        return true;
    }

    /// <summary>One channel's side.</summary>
    internal sealed class Source(ChannelInbox inbox, IRelayChannel channel)
    {
        public IRelayChannel Channel { get; } = channel;

        /// <summary>Frames in the ring; under its lock.</summary>
        public int Waiting { get; set; }

        /// <summary>Puts a frame in.</summary>
        /// <param name="frame">At most <see cref="Punchline.Relay.RelayFrame.MaxChannelFrame"/> bytes.</param>
        /// <returns>False if it was dropped.</returns>
        public bool TryAdd(ReadOnlySpan<byte> frame) => inbox.TryAdd(this, frame);
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Slot
    {
        public Source? From;
        public int Length;
    }
}
