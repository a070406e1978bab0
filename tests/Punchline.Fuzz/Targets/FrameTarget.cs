using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Fuzz.Targets;

/// <summary>
/// The plaintext of a 1-RTT packet: frame after frame (RFC 9000 section 19, RFC 9221, docs/wire/punch.md). What is read is written, and
/// what is written reads as the same.
/// </summary>
internal sealed class FrameTarget : IFuzzTarget
{
    private const int LongestInput = 1500;

    public string Name => "frame";

    public string Reads => "the frames of a packet";

    public int MaxLength => LongestInput;

    public AllocationBound Allocation => new(4096, 32);

    public int TestRuns => 60_000;

    public IEnumerable<byte[]> Seeds()
    {
        byte[] address4 = [4, 198, 18, 9, 1, 0x0b, 0xb8];
        byte[] address6 = [6, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x0b, 0xb8];
        yield return [0x01, 0x00, 0x00, 0x1e];                                             // PING, PADDING, HANDSHAKE_DONE
        yield return [0x02, 0x40, 0x64, 0x05, 0x02, 0x03, 0x00, 0x01, 0x02, 0x04];         // ACK, three ranges
        yield return [0x03, 0x0a, 0x00, 0x01, 0x02, 0x00, 0x00, 0x05, 0x00, 0x01];         // ACK with ECN counts
        yield return [0x04, 0x04, 0x09, 0x40, 0x80, 0x05, 0x04, 0x09];                     // RESET_STREAM, STOP_SENDING
        yield return [0x06, 0x40, 0x80, 0x03, 1, 2, 3];                                    // CRYPTO
        yield return [0x07, 0x02, 8, 9];                                                   // NEW_TOKEN
        yield return [0x0f, 0x04, 0x44, 0x00, 0x03, 1, 2, 3, 0x08, 0x08, 7, 7];            // STREAM, with and without everything
        yield return [0x10, 0x80, 1, 0, 0, 0x11, 0, 0x50, 0, 0x12, 0x08, 0x13, 0x03];      // MAX_DATA and its kin
        yield return [0x14, 0x40, 0x99, 0x15, 0x04, 0x05, 0x16, 0x08, 0x17, 0x03];         // the BLOCKED frames
        yield return [0x18, 0x05, 0x02, 0x08, .. new byte[8 + 16], 0x19, 0x01];            // NEW_CONNECTION_ID, RETIRE_CONNECTION_ID
        yield return [0x1a, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 1, 2, 3, 4, 5, 6, 7, 8];         // PATH_CHALLENGE, PATH_RESPONSE
        yield return [0x1c, 0x0a, 0x08, 0x03, .. "bad"u8];                                 // CONNECTION_CLOSE of the transport
        yield return [0x1d, 0x22, 0x04, .. "gone"u8];                                      // … of the application
        yield return [0x31, 0x02, 5, 5, 0x30, 1, 2, 3];                                    // DATAGRAM, with and without length
        yield return [0xb1, 0x50, 0x43, 0x00, 0x07, 0x01, .. address4, 0xb1, 0x50, 0x43, 0x01, 0x07];
        yield return [0xb1, 0x50, 0x43, 0x02, 0x03, 0xb1, 0x50, 0x43, 0x03, 0x09, .. address6];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new WireReader(input.ToArray());
        // A frame grows by no more than a length that was left out.
        byte[] first = new byte[input.Length + VarInt.MaxLength];
        byte[] second = new byte[input.Length + VarInt.MaxLength];
        while (!reader.IsEmpty)
        {
            int before = reader.Remaining;
            if (!FrameTypes.TryReadType(ref reader, out ulong type, out bool minimal))
                return;
            Check.That(!FrameTypes.IsAllowedAt(type, EncryptionLevel.Initial) || FrameTypes.IsAllowedAt(type, EncryptionLevel.Application), "a frame for Initial packets alone");
            if (!minimal || !FrameTypes.IsKnown(type))
                return;
            var writer = new WireWriter(first);
            if (!TryCopy(ref reader, type, ref writer))
                return;
            Check.That(reader.Remaining < before, "a frame without bytes");

            // The copy is in its shortest form: it reads as itself.
            ReadOnlySpan<byte> copy = writer.Written;
            if (copy.IsEmpty)
                continue;
            var copyReader = new WireReader(copy);
            var copyWriter = new WireWriter(second);
            Check.That(FrameTypes.TryReadType(ref copyReader, out ulong copyType, out bool copyIsMinimal) && copyIsMinimal, "a type that we write");
            Check.That(TryCopy(ref copyReader, copyType, ref copyWriter) && copyReader.IsEmpty, "a frame that we write is none");
            Check.Same(copy, copyWriter.Written, "a frame does not come back");
        }
    }

    /// <summary>Reads a frame behind its type, and writes it; nothing for those without content.</summary>
    private static bool TryCopy(scoped ref WireReader r, ulong type, scoped ref WireWriter w)
    {
        switch (type)
        {
            case FrameTypes.Padding or FrameTypes.Ping or FrameTypes.HandshakeDone:
                return true;
            case FrameTypes.Ack or FrameTypes.AckEcn:
                return TryCopyAck(ref r, type, ref w);
            case FrameTypes.ResetStream when ResetStreamFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.StopSending when StopSendingFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.Crypto when CryptoFrame.TryRead(ref r, out var f):
                CryptoFrame.WriteHeader(ref w, f.Offset, f.Data.Length);
                Wrote(w, CryptoFrame.HeaderLength(f.Offset, f.Data.Length));
                w.WriteBytes(f.Data);
                return true;
            case FrameTypes.NewToken when NewTokenFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast when StreamFrame.TryRead(ref r, type, out var f):
                Check.That(f.Offset + (ulong)f.Data.Length <= VarInt.MaxValue, "a stream that is too long");
                StreamFrame.WriteHeader(ref w, f.Id, f.Offset, f.Data.Length, f.Fin);
                Wrote(w, StreamFrame.HeaderLength(f.Id, f.Offset, f.Data.Length));
                w.WriteBytes(f.Data);
                return true;
            case FrameTypes.MaxData when MaxDataFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.MaxStreamData when MaxStreamDataFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.MaxStreamsBidirectional or FrameTypes.MaxStreamsUnidirectional when MaxStreamsFrame.TryRead(ref r, type, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.DataBlocked when DataBlockedFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.StreamDataBlocked when StreamDataBlockedFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.StreamsBlockedBidirectional or FrameTypes.StreamsBlockedUnidirectional when StreamsBlockedFrame.TryRead(ref r, type, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.NewConnectionId when NewConnectionIdFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.RetireConnectionId when RetireConnectionIdFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.PathChallenge when PathChallengeFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.PathResponse when PathResponseFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.ConnectionClose or FrameTypes.ApplicationClose when ConnectionCloseFrame.TryRead(ref r, type, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.Datagram or FrameTypes.DatagramWithLength when DatagramFrame.TryRead(ref r, type, out var f):
                DatagramFrame.WriteHeader(ref w, f.Data.Length);
                Wrote(w, DatagramFrame.HeaderLength(f.Data.Length));
                w.WriteBytes(f.Data);
                return true;
            case FrameTypes.Candidate when CandidateFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.CandidateGone when CandidateGoneFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.Punch when PunchFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            case FrameTypes.ObservedAddress when ObservedAddressFrame.TryRead(ref r, out var f):
                f.Write(ref w);
                return Wrote(w, f.Length);
            default:
                return false;
        }
    }

    private static bool TryCopyAck(scoped ref WireReader r, ulong type, scoped ref WireWriter w)
    {
        if (!AckFrame.TryRead(ref r, type, out AckFrame frame))
            return false;
        var ranges = new PacketRange[frame.AdditionalRanges + 1];
        int count = 0;
        foreach (PacketRange range in frame)
        {
            Check.That(range.Smallest <= range.Largest, "a range that is upside down");
            Check.That(count == 0 || range.Largest + 1 < ranges[count - 1].Smallest, "ranges that touch");
            ranges[count++] = range;
        }
        Check.That(count == ranges.Length && ranges[0].Largest == frame.Largest, "an ACK frame counts its ranges wrongly");
        Check.That(AckFrame.TryWrite(ref w, ranges, frame.Delay, frame.Ecn), "an ACK frame that does not fit");
        return true;
    }

    private static bool Wrote(in WireWriter writer, int length)
    {
        Check.That(writer.Position == length, "a frame that is not as long as it says");
        return true;
    }
}
