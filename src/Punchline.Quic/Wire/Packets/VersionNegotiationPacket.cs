using System.Buffers.Binary;

namespace Punchline.Quic.Wire;

/// <summary>
/// Version Negotiation (RFC 8999 section 6): which versions a server speaks. Not authenticated; ids may have up to 255 bytes.
/// <code>First (8) = 0x80.., Version (32) = 0, DCID Length (8), DCID, SCID Length (8), SCID, Supported Version (32) ...</code>
/// </summary>
internal readonly ref struct VersionNegotiationPacket
{
    private readonly ReadOnlySpan<byte> _versions;

    private VersionNegotiationPacket(ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source, ReadOnlySpan<byte> versions)
    {
        Destination = destination;
        Source = source;
        _versions = versions;
    }

    /// <summary>The source of the packet that it answers.</summary>
    public ReadOnlySpan<byte> Destination { get; }

    /// <summary>The destination of the packet that it answers.</summary>
    public ReadOnlySpan<byte> Source { get; }

    /// <summary>How many versions are listed, at least one.</summary>
    public int Count => _versions.Length / sizeof(uint);

    /// <summary>A listed version.</summary>
    public uint this[int index] => BinaryPrimitives.ReadUInt32BigEndian(_versions[(index * sizeof(uint))..]);

    /// <summary>True if the version is listed.</summary>
    public bool Contains(uint version)
    {
        for (int i = 0; i < Count; i++)
        {
            if (this[i] == version)
                return true;
        }
        return false;
    }

    /// <summary>Reads a datagram. A list that is empty or cut short makes it worth nothing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out VersionNegotiationPacket packet)
    {
        packet = default;
        var r = new WireReader(datagram);
        if (!r.TryReadByte(out byte first) || !FirstByte.IsLong(first)
            || !r.TryReadUInt32(out uint version) || version != QuicVersion.Negotiation
            || !r.TryReadByte(out byte destinationLength) || !r.TryReadBytes(destinationLength, out ReadOnlySpan<byte> destination)
            || !r.TryReadByte(out byte sourceLength) || !r.TryReadBytes(sourceLength, out ReadOnlySpan<byte> source)
            || r.IsEmpty || r.Remaining % sizeof(uint) != 0)
        {
            return false;
        }
        packet = new VersionNegotiationPacket(destination, source, r.Rest);
        return true;
    }

    /// <summary>Writes a whole packet and returns its length.</summary>
    /// <param name="destination">The source of the packet to answer, in full.</param>
    /// <param name="source">The destination of the packet to answer, in full.</param>
    /// <param name="unusedBits">Random bits for the first byte; the fixed bit is set in any case (RFC 9000 section 17.2.1).</param>
    public static int Write(
        Span<byte> d, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source, ReadOnlySpan<uint> versions, byte unusedBits)
    {
        ArgumentOutOfRangeException.ThrowIfZero(versions.Length, nameof(versions));
        var w = new WireWriter(d);
        w.WriteByte((byte)(FirstByte.LongForm | FirstByte.FixedBit | unusedBits));
        PacketHeaderWriter.WriteVersionAndIds(ref w, QuicVersion.Negotiation, destination, source);
        foreach (uint version in versions)
            w.WriteUInt32(version);
        return w.Position;
    }
}
