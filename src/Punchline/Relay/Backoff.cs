using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Relay;

/// <summary>How long to wait before the next attempt to reach a server: doubling, bounded, and spread so that a thousand hosts do not come back at once.</summary>
internal sealed class Backoff(IRandomness randomness)
{
    /// <summary>The first wait, at most.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest wait: a server that comes back is found within half a minute.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private TimeSpan _next = First;

    /// <summary>The next wait: between a half and the whole of the current step, then the step doubles.</summary>
    public TimeSpan Next()
    {
        Span<byte> random = stackalloc byte[4];
        randomness.FillPublic(random);
        double spread = BinaryPrimitives.ReadUInt32LittleEndian(random) / (double)uint.MaxValue;
        TimeSpan wait = _next * (0.5 + (0.5 * spread));
        _next = _next + _next < Longest ? _next + _next : Longest;
        return wait;
    }

    /// <summary>An attempt went well: the next wait is short again.</summary>
    public void Reset() => _next = First;
}
