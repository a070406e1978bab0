using CsCheck;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Wire;

/// <summary>Random values that go onto the wire.</summary>
internal static class WireGen
{
    /// <summary>0 to 2^62-1, every length of encoding equally often.</summary>
    public static readonly Gen<ulong> VarInt = Gen.Select(Gen.ULong, Gen.Int[2, 63], (value, shift) => value >> shift);

    public static readonly Gen<StreamId> StreamId = VarInt.Select(value => new StreamId(value));

    public static readonly Gen<byte[]> Bytes = Gen.Byte.Array[0, 300];

    public static readonly Gen<byte[]> SomeBytes = Gen.Byte.Array[1, 300];

    public static readonly Gen<byte[]> Token16 = Gen.Byte.Array[16];

    public static readonly Gen<ConnectionId> ConnectionId = Gen.Byte.Array[0, 20].Select(bytes => new ConnectionId(bytes));

    public static readonly Gen<ConnectionId> SomeConnectionId = Gen.Byte.Array[1, 20].Select(bytes => new ConnectionId(bytes));

    public static readonly Gen<UdpAddress> Address = Gen.Select(
        Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16]), Gen.UShort[1, ushort.MaxValue],
        (bytes, port) => UdpAddress.FromBytes(bytes, 0, port));

    public static readonly Gen<Candidate> Candidate =
        Gen.Select(Address, Gen.Int[0, 3], (address, kind) => new Candidate(address, (CandidateKind)kind));

    /// <summary>Ranges as an ACK frame lists them: descending, never touching.</summary>
    public static readonly Gen<PacketRange[]> Ranges = Gen.Select(
        Gen.ULong[1UL << 40, 1UL << 61], Gen.Select(Gen.ULong[0, 70_000], Gen.ULong[0, 20_000]).Array[1, 60], (top, steps) =>
        {
            var ranges = new PacketRange[steps.Length];
            ulong largest = top;
            for (int i = 0; i < steps.Length; i++)
            {
                ranges[i] = new PacketRange(largest - steps[i].Item1, largest);
                largest = ranges[i].Smallest - 2 - steps[i].Item2;
            }
            return ranges;
        });
}
