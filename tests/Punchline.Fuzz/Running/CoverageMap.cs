using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Punchline.Fuzz.Running;

/// <summary>
/// Which branches a run took and how often, as AFL counts them: the code that SharpFuzz instrumented adds to one byte of 65,536 for each
/// pair of branches that follow each other. An input is new if it takes a pair that no earlier one took, or takes it more often by a power of two.
/// </summary>
internal sealed unsafe class CoverageMap : IDisposable
{
    private const int Size = 1 << 16;

    private readonly byte* _counts = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly byte[] _seen = new byte[Size];

    /// <summary>Makes the instrumented code write here. There is one such place in a process.</summary>
    public CoverageMap() => Trace.SharedMem = _counts;

    /// <summary>True if this copy of the program was instrumented; without that there is nothing to be guided by.</summary>
    public static bool IsInstrumented =>
        typeof(Quic.QuicConnection).Assembly.GetReferencedAssemblies().Any(static name => name.Name == typeof(Trace).Assembly.GetName().Name);

    /// <summary>Pairs of branches seen so far.</summary>
    public int Edges => Size - _seen.AsSpan().Count((byte)0);

    /// <summary>Forgets the last run.</summary>
    public void Clear()
    {
        new Span<byte>(_counts, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Forgets all runs: another target begins.</summary>
    public void Forget() => Array.Clear(_seen);

    /// <summary>Remembers what the last run took.</summary>
    /// <returns>True if something of it is new.</returns>
    public bool Merge()
    {
        bool isNew = false;
        var words = new ReadOnlySpan<ulong>(_counts, Size / sizeof(ulong));
        for (int i = words.IndexOfAnyExcept(0UL); i >= 0 && i < words.Length; i++)
        {
            if (words[i] == 0)
            {
                int next = words[i..].IndexOfAnyExcept(0UL);
                if (next < 0)
                    break;
                i += next;
            }
            for (int at = i * sizeof(ulong); at < (i + 1) * sizeof(ulong); at++)
                isNew |= MergeByte(at);
        }
        return isNew;
    }

    public void Dispose()
    {
        Trace.SharedMem = null;
        NativeMemory.Free(_counts);
    }

    /// <summary>One bit for each power of two: 1, 2 to 3, 4 to 7, and so on.</summary>
    private bool MergeByte(int at)
    {
        byte count = _counts[at];
        if (count == 0)
            return false;
        byte bucket = (byte)(1 << BitOperations.Log2(count));
        if ((_seen[at] & bucket) != 0)
            return false;
        _seen[at] |= bucket;
        return true;
    }
}
