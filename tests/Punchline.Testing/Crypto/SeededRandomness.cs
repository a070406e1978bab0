using System.Buffers.Binary;
using System.Numerics;
using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// Randomness that repeats from its seed: xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64. Public bytes, secret bytes
/// and the simulation's own draws are three streams, so that one more draw in one leaves the others as they were.
/// For tests only: who knows a few outputs knows them all.
/// </summary>
public sealed class SeededRandomness : IRandomness
{
    private readonly ulong _seed;
    private readonly Stream _public;
    private readonly Stream _secret;
    private readonly Stream _simulation;

    /// <summary>Starts the streams of a seed.</summary>
    public SeededRandomness(ulong seed)
    {
        _seed = seed;
        ulong state = seed;
        _public = new Stream(ref state);
        _secret = new Stream(ref state);
        _simulation = new Stream(ref state);
    }

    /// <summary>
    /// Other streams that depend on the seed and a number alone, not on what was drawn here: one for each actor of a simulation.
    /// </summary>
    public SeededRandomness Fork(ulong number)
    {
        ulong state = _seed ^ BitOperations.RotateLeft(number + 1, 32);
        return new SeededRandomness(SplitMix(ref state));
    }

    /// <inheritdoc/>
    public void FillPublic(Span<byte> destination) => _public.Fill(destination);

    /// <inheritdoc/>
    public void FillSecret(Span<byte> destination) => _secret.Fill(destination);

    /// <summary>64 random bits of the simulation's stream.</summary>
    public ulong NextUInt64() => _simulation.Next();

    /// <summary>A number from 0 to <paramref name="bound"/> less 1.</summary>
    /// <param name="bound">At least 1.</param>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        // The high half of a 128-bit product; the bias of at most 2^-33 is of no matter to a simulation.
        return (int)Math.BigMul(_simulation.Next(), (ulong)bound, out _);
    }

    /// <summary>A number from <paramref name="from"/> to <paramref name="bound"/> less 1.</summary>
    public int NextInt(int from, int bound) => from + NextInt(bound - from);

    /// <summary>A number of at least 0 and less than 1, in steps of 2^-53.</summary>
    public double NextDouble() => (_simulation.Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with a probability.</summary>
    /// <param name="probability">0 (never) to 1 (always).</param>
    public bool NextBool(double probability) => NextDouble() < probability;

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    private sealed class Stream
    {
        private ulong _a;
        private ulong _b;
        private ulong _c;
        private ulong _d;

        public Stream(ref ulong seed)
        {
            _a = SplitMix(ref seed);
            _b = SplitMix(ref seed);
            _c = SplitMix(ref seed);
            _d = SplitMix(ref seed);
        }

        public ulong Next()
        {
            ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
            ulong shifted = _b << 17;
            _c ^= _a;
            _d ^= _b;
            _b ^= _c;
            _a ^= _d;
            _c ^= shifted;
            _d = BitOperations.RotateLeft(_d, 45);
            return result;
        }

        public void Fill(Span<byte> destination)
        {
            while (destination.Length >= sizeof(ulong))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(destination, Next());
                destination = destination[sizeof(ulong)..];
            }
            if (destination.IsEmpty)
                return;
            Span<byte> last = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(last, Next());
            last[..destination.Length].CopyTo(destination);
        }
    }
}
