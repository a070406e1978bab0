using System.Diagnostics;

namespace Punchline.Quic.Recovery;

/// <summary>
/// The packets of one packet number space whose fate is open, in a ring by packet number, and what they held, in a second ring.
/// <code>
///   First                                        Next
///     ▼                                            ▼
///   [open][acked][acked][skipped][open][lost][open]
///            └──── Skip ────────▶┘
/// </code>
/// A settled slot remembers how far the settled run around it reaches (paths are compressed as in a disjoint-set forest), so that
/// finding the next open packet costs next to nothing, however the acknowledged ranges lie. Nothing is allocated once the rings
/// have reached their size.
/// </summary>
internal sealed class SentPacketStore
{
    private const int InitialPackets = 64;

    private Slot[] _slots = new Slot[InitialPackets];
    private readonly SentFrameRing _frames = new();

    /// <summary>The lowest number that may be open.</summary>
    public ulong First { get; private set; }

    /// <summary>One more than the highest number used or skipped.</summary>
    public ulong Next { get; private set; }

    /// <summary>How many numbers the ring spans.</summary>
    public int Span => (int)(Next - First);

    /// <summary>How many frame records the open packets hold, gaps included.</summary>
    public long FrameSpan => _frames.Span;

    /// <summary>One slot of the ring.</summary>
    private struct Slot
    {
        public SentPacket Packet;

        /// <summary>The packet's place among those of its path and space: thresholds count in it.</summary>
        public ulong Sequence;

        public long FirstFrame;
        public int FrameCount;
        public bool IsOpen;

        /// <summary>When settled: no number from here up to this one is open.</summary>
        public ulong Skip;
    }

    /// <summary>Adds the packet with the next number, or a higher one: numbers between were skipped.</summary>
    public void Add(in SentPacket packet, ulong sequence, ReadOnlySpan<SentFrame> frames)
    {
        if (packet.Number < Next)
            throw new ArgumentOutOfRangeException(nameof(packet), "A packet number is used once, and they rise.");
        while (Next < packet.Number)
            Skip();
        Reserve();
        ref Slot slot = ref At(Next);
        slot.Packet = packet;
        slot.Sequence = sequence;
        slot.FirstFrame = _frames.Append(frames);
        slot.FrameCount = frames.Length;
        slot.IsOpen = true;
        Next++;
    }

    /// <summary>Passes over the next number.</summary>
    public void Skip()
    {
        if (First == Next)
        {
            First = ++Next;
            return;
        }
        Reserve();
        ref Slot slot = ref At(Next);
        slot = default;
        slot.Skip = ++Next;
    }

    /// <summary>The lowest open number that is not below this one; <see cref="Next"/> if there is none.</summary>
    public ulong FindOpen(ulong number)
    {
        if (number < First)
            number = First;
        ulong found = number;
        while (found < Next && !At(found).IsOpen)
            found = At(found).Skip;
        // Everything on the way points straight to the end the next time.
        while (number < found)
        {
            ref Slot slot = ref At(number);
            number = slot.Skip;
            slot.Skip = found;
        }
        return found;
    }

    /// <summary>True if the number's fate is open.</summary>
    public bool IsOpen(ulong number) => number >= First && number < Next && At(number).IsOpen;

    /// <summary>The packet with this number, which must be open, or settled since the last <see cref="Trim"/>.</summary>
    public ref readonly SentPacket Packet(ulong number) => ref At(number).Packet;

    /// <summary>The packet's place among those of its path.</summary>
    public ulong Sequence(ulong number) => At(number).Sequence;

    /// <summary>What the packet held; valid until the next packet is added.</summary>
    public ReadOnlySpan<SentFrame> Frames(ulong number)
    {
        ref Slot slot = ref At(number);
        return _frames.Slice(slot.FirstFrame, slot.FrameCount);
    }

    /// <summary>The packet's fate is decided. It can still be read until the next <see cref="Trim"/>.</summary>
    public void Settle(ulong number)
    {
        ref Slot slot = ref At(number);
        Debug.Assert(slot.IsOpen, "A packet is settled once.");
        slot.IsOpen = false;
        slot.Skip = number + 1;
    }

    /// <summary>Forgets what is settled at the lower end.</summary>
    public void Trim()
    {
        First = FindOpen(First);
        if (First == Next)
            _frames.Clear();
        else
            _frames.ReleaseBefore(At(First).FirstFrame);
    }

    /// <summary>Forgets everything; numbers go on from where they are.</summary>
    public void Clear()
    {
        First = Next;
        _frames.Clear();
        // Nothing may keep a path alive that is gone.
        Array.Clear(_slots);
    }

    private ref Slot At(ulong number) => ref _slots[(int)(number & (ulong)(_slots.Length - 1))];

    private void Reserve()
    {
        if (Span < _slots.Length)
            return;
        var grown = new Slot[_slots.Length * 2];
        for (ulong n = First; n < Next; n++)
            grown[(int)(n & (ulong)(grown.Length - 1))] = At(n);
        _slots = grown;
    }
}
