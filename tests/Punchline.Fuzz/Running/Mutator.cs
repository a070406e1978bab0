using System.Buffers.Binary;
using Punchline.Testing;

namespace Punchline.Fuzz.Running;

/// <summary>
/// Makes new inputs from known ones. All it draws comes from its seed, so a campaign can be had again. A few small changes at a time:
/// most lengths and types stay right, so that what lies behind them is reached.
/// </summary>
internal sealed class Mutator(ulong seed)
{
    /// <summary>Changes on top of each other: one in half of the inputs, at most so many.</summary>
    private const int MaxStacked = 8;

    /// <summary>The longest piece that is removed, doubled or made up.</summary>
    private const int MaxPiece = 64;

    /// <summary>Where integers of the wire formats change their length, sign or meaning; for one byte, two, four and eight.</summary>
    private static readonly ulong[] Edges =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 20, 21, 32, 63, 64, 127, 128, 254, 255, 256, 1199, 1200, 16_383, 16_384, 32_767, 32_768, 65_535, 65_536,
        (1UL << 30) - 1, 1UL << 30, (1UL << 31) - 1, 1UL << 31, uint.MaxValue, (1UL << 60) + 1, (1UL << 62) - 1, 1UL << 62, ulong.MaxValue,
    ];

    private readonly SeededRandomness _random = new(seed);

    /// <summary>Writes a mutation of a member of the corpus.</summary>
    /// <param name="corpus">At least one input.</param>
    /// <param name="output">Where to; as long as an input may be.</param>
    /// <returns>Its length.</returns>
    public int Next(IReadOnlyList<byte[]> corpus, Span<byte> output)
    {
        byte[] parent = corpus[_random.NextInt(corpus.Count)];
        int length = Math.Min(parent.Length, output.Length);
        parent.AsSpan(0, length).CopyTo(output);
        int changes = 1;
        while (changes < MaxStacked && _random.NextBool(0.5))
            changes++;
        for (int i = 0; i < changes; i++)
            length = Change(output, length, corpus);
        return length;
    }

    private int Change(Span<byte> output, int length, IReadOnlyList<byte[]> corpus)
    {
        if (length == 0)
            return Insert(output, length);
        switch (_random.NextInt(9))
        {
            case 0:
                output[_random.NextInt(length)] ^= (byte)(1 << _random.NextInt(8));
                return length;
            case 1:
                output[_random.NextInt(length)] = (byte)_random.NextInt(256);
                return length;
            case 2:
                output[_random.NextInt(length)] += (byte)_random.NextInt(-16, 17);
                return length;
            case 3:
                WriteEdge(output[..length]);
                return length;
            case 4:
                WriteLength(output[..length]);
                return length;
            case 5:
                return Remove(output, length);
            case 6:
                return Insert(output, length);
            case 7:
                return Double(output, length);
            default:
                return Splice(output, length, corpus[_random.NextInt(corpus.Count)]);
        }
    }

    /// <summary>An integer of 1, 2, 4 or 8 bytes or a variable-length one (RFC 9000 section 16) gets a value from an edge.</summary>
    private void WriteEdge(Span<byte> bytes)
    {
        int size = 1 << _random.NextInt(4);
        if (size > bytes.Length)
            return;
        Span<byte> field = bytes.Slice(_random.NextInt(bytes.Length - size + 1), size);
        ulong value = Edges[_random.NextInt(Edges.Length)];
        WriteBigEndian(field, value);
        if (_random.NextBool(0.5))
            field[0] = (byte)((field[0] & 0x3f) | (int.Log2(size) << 6)); // the varint of that length
    }

    /// <summary>What may be a length becomes that of what follows it, or nearly.</summary>
    private void WriteLength(Span<byte> bytes)
    {
        int size = _random.NextInt(1, 3);
        if (size > bytes.Length)
            return;
        int at = _random.NextInt(bytes.Length - size + 1);
        int rest = bytes.Length - at - size + _random.NextInt(-2, 3);
        WriteBigEndian(bytes.Slice(at, size), (ulong)rest);
    }

    private int Remove(Span<byte> output, int length)
    {
        int count = Math.Min(length, Piece());
        int at = _random.NextInt(length - count + 1);
        output[(at + count)..length].CopyTo(output[at..]);
        return length - count;
    }

    private int Insert(Span<byte> output, int length)
    {
        int count = Math.Min(output.Length - length, Piece());
        int at = _random.NextInt(length + 1);
        output[at..length].CopyTo(output[(at + count)..]);
        Span<byte> made = output.Slice(at, count);
        if (_random.NextBool(0.5))
            made.Fill((byte)_random.NextInt(256));
        else
            _random.FillPublic(made);
        return length + count;
    }

    private int Double(Span<byte> output, int length)
    {
        int from = _random.NextInt(length);
        int count = Math.Min(Math.Min(length - from, Piece()), output.Length - length);
        Span<byte> piece = stackalloc byte[MaxPiece];
        output.Slice(from, count).CopyTo(piece);
        int at = _random.NextInt(length + 1);
        output[at..length].CopyTo(output[(at + count)..]);
        piece[..count].CopyTo(output[at..]);
        return length + count;
    }

    /// <summary>The beginning of one input, the end of another.</summary>
    private int Splice(Span<byte> output, int length, byte[] other)
    {
        if (other.Length == 0)
            return length;
        int at = _random.NextInt(length + 1);
        ReadOnlySpan<byte> tail = other.AsSpan(_random.NextInt(other.Length));
        tail = tail[..Math.Min(tail.Length, output.Length - at)];
        tail.CopyTo(output[at..]);
        return at + tail.Length;
    }

    /// <summary>Short pieces are more frequent than long ones.</summary>
    private int Piece() => 1 + _random.NextInt(1 + _random.NextInt(MaxPiece));

    private static void WriteBigEndian(Span<byte> field, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        bytes[^field.Length..].CopyTo(field);
    }
}
