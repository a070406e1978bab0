using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>Frames written field by field, right or wrong.</summary>
internal static class Raw
{
    internal const ulong Largest = VarInt.MaxValue;

    /// <summary>Variable-length integers, each in its shortest form.</summary>
    internal static byte[] Ints(params ReadOnlySpan<ulong> values)
    {
        var bytes = new byte[values.Length * VarInt.MaxLength];
        var writer = new WireWriter(bytes);
        foreach (ulong value in values)
            writer.WriteVarInt(value);
        return writer.Written.ToArray();
    }

    /// <summary>STREAM with offset and length.</summary>
    internal static byte[] Stream(ulong id, ulong offset, int length, bool fin = false) =>
        [.. Ints(fin ? 0x0ful : 0x0eul, id, offset, (ulong)length), .. new byte[length]];

    internal static byte[] Crypto(ulong offset, params byte[] data) => [.. Ints(0x06, offset, (ulong)data.Length), .. data];

    /// <summary>NEW_CONNECTION_ID whose id and token follow from a number.</summary>
    internal static byte[] NewId(ulong sequence, ulong retirePriorTo, byte content, int length = 8, byte token = 0) =>
        [.. Ints(0x18, sequence, retirePriorTo), (byte)length, .. Enumerable.Repeat(content, length), .. Enumerable.Repeat((byte)(content ^ token), 16)];

    /// <summary>CANDIDATE with an IPv4 address.</summary>
    internal static byte[] Candidate(ulong sequence, UdpAddress address, byte kind = 1)
    {
        var bytes = new byte[64];
        var writer = new WireWriter(bytes);
        writer.WriteVarInt(FrameTypes.Candidate);
        writer.WriteVarInt(sequence);
        writer.WriteByte(kind);
        WireAddress.Write(ref writer, address);
        return writer.Written.ToArray();
    }

    internal static byte[] CandidateGone(ulong sequence) => Ints(FrameTypes.CandidateGone, sequence);

    /// <summary>The same bytes so many times.</summary>
    internal static byte[] Times(int count, Func<int, byte[]> frame) => [.. Enumerable.Range(0, count).SelectMany(frame)];
}
