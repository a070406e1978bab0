namespace Punchline.Quic.Wire;

/// <summary>
/// What a packet's header says before any protection is removed (RFC 9000 section 17; RFC 8999 for other versions).
/// The spans are slices of the datagram.
/// <code>
/// long:  First (8), Version (32), DCID Length (8), DCID (0..160), SCID Length (8), SCID (0..160),
///        Initial: [ Token Length (i), Token (..) ], Length (i), Packet Number (8..32), Payload
/// short: First (8), DCID (known length), Packet Number (8..32), Payload
/// </code>
/// </summary>
internal readonly ref struct PacketHeader
{
    /// <summary>The length of the tag at the end of a Retry packet (RFC 9001 section 5.8).</summary>
    public const int RetryTagLength = 16;

    /// <summary>First byte, version, and the two lengths of connection ids: the least that RFC 8999 section 5.1 allows.</summary>
    private const int MinLongLength = 1 + sizeof(uint) + 1 + 1;

    public PacketType Type { get; private init; }

    /// <summary>The version of a long header; version 1 for a short one.</summary>
    public uint Version { get; private init; }

    /// <summary>The destination; empty if it is longer than 20 bytes, which only other versions allow.</summary>
    public ConnectionId Destination { get; private init; }

    /// <summary>The source of a long header; empty if it is longer than 20 bytes, which only other versions allow.</summary>
    public ConnectionId Source { get; private init; }

    /// <summary>The destination in full, up to 255 bytes in other versions (RFC 8999 section 5.1).</summary>
    public ReadOnlySpan<byte> DestinationSpan { get; private init; }

    /// <summary>The source in full, up to 255 bytes in other versions; empty in a short header.</summary>
    public ReadOnlySpan<byte> SourceSpan { get; private init; }

    /// <summary>The token of an Initial packet (may be empty) or of a Retry packet (never empty).</summary>
    public ReadOnlySpan<byte> Token { get; private init; }

    /// <summary>Where the packet number begins; 0 if there is none.</summary>
    public int PacketNumberOffset { get; private init; }

    /// <summary>The bytes of the datagram that are this packet; the next packet follows (section 12.2).</summary>
    public int PacketLength { get; private init; }

    /// <summary>Reads the header of the packet at the start of what is left of a datagram.</summary>
    /// <param name="datagram">A datagram, or its rest behind the packets that were read.</param>
    /// <param name="localConnectionIdLength">The length of the ids that we issue: short headers do not say it.</param>
    /// <returns>False for what is not QUIC: the rest of the datagram is to be dropped.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, int localConnectionIdLength, out PacketHeader header)
    {
        header = default;
        if (datagram.IsEmpty)
            return false;
        return FirstByte.IsLong(datagram[0])
            ? TryReadLong(datagram, out header)
            : TryReadShort(datagram, localConnectionIdLength, out header);
    }

    private static bool TryReadShort(ReadOnlySpan<byte> datagram, int localConnectionIdLength, out PacketHeader header)
    {
        header = default;
        // RFC 9000 section 17.3.1: without the fixed bit it is not a packet of this version.
        if ((datagram[0] & FirstByte.FixedBit) == 0 || datagram.Length - 1 < localConnectionIdLength)
            return false;
        ReadOnlySpan<byte> destination = datagram.Slice(1, localConnectionIdLength);
        header = new PacketHeader
        {
            Type = PacketType.OneRtt,
            Version = QuicVersion.Version1,
            Destination = new ConnectionId(destination),
            DestinationSpan = destination,
            PacketNumberOffset = 1 + localConnectionIdLength,
            PacketLength = datagram.Length,
        };
        return true;
    }

    private static bool TryReadLong(ReadOnlySpan<byte> datagram, out PacketHeader header)
    {
        header = default;
        var r = new WireReader(datagram);
        if (!r.TryReadByte(out byte first) || !r.TryReadUInt32(out uint version)
            || !r.TryReadByte(out byte destinationLength) || !r.TryReadBytes(destinationLength, out ReadOnlySpan<byte> destination)
            || !r.TryReadByte(out byte sourceLength) || !r.TryReadBytes(sourceLength, out ReadOnlySpan<byte> source))
        {
            return false;
        }
        if (version != QuicVersion.Version1)
        {
            header = new PacketHeader
            {
                Type = version == QuicVersion.Negotiation ? PacketType.VersionNegotiation : PacketType.UnknownVersion,
                Version = version,
                Destination = ToConnectionId(destination),
                Source = ToConnectionId(source),
                DestinationSpan = destination,
                SourceSpan = source,
                PacketLength = datagram.Length,
            };
            return true;
        }
        // RFC 9000 section 17.2: no fixed bit, or an id of more than 20 bytes: drop.
        if ((first & FirstByte.FixedBit) == 0 || destinationLength > ConnectionId.MaxLength || sourceLength > ConnectionId.MaxLength)
            return false;

        var type = (PacketType)((first & FirstByte.LongTypeMask) >> 4);
        ReadOnlySpan<byte> token = default;
        int packetNumberOffset = 0;
        int packetLength = datagram.Length;
        if (type == PacketType.Retry)
        {
            // A Retry packet with an empty token is discarded (section 17.2.5.2).
            if (r.Remaining <= RetryTagLength)
                return false;
            token = r.Rest[..^RetryTagLength];
        }
        else
        {
            if (type == PacketType.Initial && (!r.TryReadVarInt(out ulong tokenLength) || !r.TryReadBytes(tokenLength, out token)))
                return false;
            if (!r.TryReadVarInt(out ulong length) || length > (ulong)r.Remaining)
                return false;
            packetNumberOffset = r.Position;
            packetLength = r.Position + (int)length;
        }
        header = new PacketHeader
        {
            Type = type,
            Version = version,
            Destination = new ConnectionId(destination),
            Source = new ConnectionId(source),
            DestinationSpan = destination,
            SourceSpan = source,
            Token = token,
            PacketNumberOffset = packetNumberOffset,
            PacketLength = packetLength,
        };
        return true;
    }

    private static ConnectionId ToConnectionId(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= ConnectionId.MaxLength ? new ConnectionId(bytes) : default;
}
