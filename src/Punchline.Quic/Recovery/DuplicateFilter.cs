namespace Punchline.Quic.Recovery;

/// <summary>
/// Which of the newest packet numbers were received (RFC 9000 sections 12.3 and 13.2.3): a window of bits that moves up with the largest one (the idea of
/// RFC 6479). It is kept apart from the ranges of ACK frames, as those are forgotten once the peer has heard them, while a
/// packet that took a slower path may still be under way.
/// </summary>
/// <remarks>
/// <code>
///            older: "received"       window: one bit each        newer: "not received"
/// numbers: ...................|================================|......................
///                             largest - Span + 1        largest
/// </code>
/// </remarks>
internal sealed class DuplicateFilter
{
    /// <summary>
    /// Bits in the window, of which all but the word that is being entered tell numbers apart. A packet that is later than this many others is dropped: at 1 Gbit/s that is a third of a
    /// second, four times as late as a packet on an 80 ms relay is after the move to a direct path.
    /// </summary>
    public const int Span = 1 << 15;

    private const int WordBits = 64;
    private const int Words = Span / WordBits;

    private readonly ulong[] _bits = new ulong[Words];
    private ulong _next;

    /// <summary>True if the number was added before, or is too old to know.</summary>
    public bool Contains(ulong number) => number < _next && (_next - number > Span - WordBits || (Word(number) & Bit(number)) != 0);

    /// <summary>Adds a number that is not contained.</summary>
    public void Add(ulong number)
    {
        if (number >= _next)
            MoveTo(number);
        Word(number) |= Bit(number);
    }

    private void MoveTo(ulong number)
    {
        ulong from = _next / WordBits;
        ulong to = number / WordBits;
        // The word of the old end keeps its bits; those entered since then still hold bits of a window ago.
        if (_next % WordBits == 0)
            from--;
        if (to - from >= Words)
        {
            Array.Clear(_bits);
        }
        else
        {
            for (ulong word = from + 1; word != to + 1; word++)
                _bits[word % Words] = 0;
        }
        _next = number + 1;
    }

    private ref ulong Word(ulong number) => ref _bits[number / WordBits % Words];

    private static ulong Bit(ulong number) => 1UL << (int)(number % WordBits);
}
