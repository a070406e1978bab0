namespace Punchline.Quic.Wire;

/// <summary>
/// Frame types and what RFC 9000 section 12.4 says of each: where it may appear, whether it asks for an
/// acknowledgement, whether it only probes. Beside them those of DATAGRAM (RFC 9221) and of punching (docs/wire/punch.md).
/// </summary>
internal static class FrameTypes
{
    public const ulong Padding = 0x00;
    public const ulong Ping = 0x01;
    public const ulong Ack = 0x02;
    public const ulong AckEcn = 0x03;
    public const ulong ResetStream = 0x04;
    public const ulong StopSending = 0x05;
    public const ulong Crypto = 0x06;
    public const ulong NewToken = 0x07;

    /// <summary>STREAM is eight types: the lowest bits say which fields are there (RFC 9000 section 19.8).</summary>
    public const ulong StreamFirst = 0x08;
    public const ulong StreamLast = 0x0f;
    public const ulong StreamFinBit = 0x01;
    public const ulong StreamLengthBit = 0x02;
    public const ulong StreamOffsetBit = 0x04;

    public const ulong MaxData = 0x10;
    public const ulong MaxStreamData = 0x11;
    public const ulong MaxStreamsBidirectional = 0x12;
    public const ulong MaxStreamsUnidirectional = 0x13;
    public const ulong DataBlocked = 0x14;
    public const ulong StreamDataBlocked = 0x15;
    public const ulong StreamsBlockedBidirectional = 0x16;
    public const ulong StreamsBlockedUnidirectional = 0x17;
    public const ulong NewConnectionId = 0x18;
    public const ulong RetireConnectionId = 0x19;
    public const ulong PathChallenge = 0x1a;
    public const ulong PathResponse = 0x1b;
    public const ulong ConnectionClose = 0x1c;
    public const ulong ApplicationClose = 0x1d;
    public const ulong HandshakeDone = 0x1e;

    /// <summary>RFC 9221 section 4: data to the end of the packet, or with a length.</summary>
    public const ulong Datagram = 0x30;
    public const ulong DatagramWithLength = 0x31;

    /// <summary>The punch extension: "1PC" and a number, which is a four-byte integer on the wire.</summary>
    public const ulong Candidate = 0x3150_4300;
    public const ulong CandidateGone = 0x3150_4301;
    public const ulong Punch = 0x3150_4302;
    public const ulong ObservedAddress = 0x3150_4303;

    /// <summary>
    /// Reads a frame's type. A type must use its shortest encoding; a longer one may be taken as PROTOCOL_VIOLATION
    /// (RFC 9000 section 12.4).
    /// </summary>
    /// <param name="minimal">False if the encoding is longer than need be.</param>
    /// <returns>False if the bytes end before the type does.</returns>
    public static bool TryReadType(scoped ref WireReader r, out ulong type, out bool minimal)
    {
        int start = r.Position;
        bool read = r.TryReadVarInt(out type);
        minimal = read && r.Position - start == VarInt.Length(type);
        return read;
    }

    /// <summary>True for the punch extension's types, which are known only where it was negotiated.</summary>
    public static bool IsPunch(ulong type) => type is >= Candidate and <= ObservedAddress;

    /// <summary>False for a type whose receipt is FRAME_ENCODING_ERROR (RFC 9000 section 12.4).</summary>
    public static bool IsKnown(ulong type) => type is <= HandshakeDone or Datagram or DatagramWithLength || IsPunch(type);

    /// <summary>
    /// RFC 9000 sections 12.4, 12.5, 13.2.6 and 17.2.4 (table 3, column "Pkts"); RFC 9221 sections 4, 5 and 6 for DATAGRAM.
    /// Receipt elsewhere is PROTOCOL_VIOLATION. The punch extension is for 1-RTT alone, so that nothing of it can be replayed
    /// (RFC 9001 section 9.2). No CRYPTO in 0-RTT is section 8.3.
    /// False for unknown types.
    /// </summary>
    public static bool IsAllowedAt(ulong type, EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial or EncryptionLevel.Handshake => type is Padding or Ping or Ack or AckEcn or Crypto or ConnectionClose,
        EncryptionLevel.ZeroRtt => IsKnown(type) && !IsPunch(type)
            && type is not (Ack or AckEcn or Crypto or NewToken or PathResponse or HandshakeDone),
        EncryptionLevel.Application => IsKnown(type),
        _ => false,
    };

    /// <summary>RFC 9000 table 3, mark "N": everything but PADDING, ACK and CONNECTION_CLOSE asks for an acknowledgement.</summary>
    public static bool IsAckEliciting(ulong type) => type is not (Padding or Ack or AckEcn or ConnectionClose or ApplicationClose);

    /// <summary>
    /// RFC 9000 section 9.1: a packet of these alone does not move the connection to the path it came on.
    /// The punch extension adds none.
    /// </summary>
    public static bool IsProbing(ulong type) => type is Padding or NewConnectionId or PathChallenge or PathResponse;
}
