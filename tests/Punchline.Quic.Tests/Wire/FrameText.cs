using System.Text;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

/// <summary>
/// Reads frames of every type as a connection would, says in a line what each holds, and writes it again:
/// one place through which samples, truncations and mutations go.
/// </summary>
internal static class FrameText
{
    /// <summary>Reads one frame.</summary>
    /// <param name="again">Takes the frame as our own writer makes it.</param>
    /// <param name="length">The length that the frame says it has when written.</param>
    public static bool TryRead(scoped ref WireReader r, scoped ref WireWriter again, out string text, out int length)
    {
        text = "";
        length = 0;
        if (!FrameTypes.TryReadType(ref r, out ulong type, out _))
            return false;
        switch (type)
        {
            case FrameTypes.Padding or FrameTypes.Ping or FrameTypes.HandshakeDone:
                text = type == FrameTypes.Padding ? "PADDING" : type == FrameTypes.Ping ? "PING" : "HANDSHAKE_DONE";
                length = 1;
                again.WriteVarInt(type);
                return true;
            case FrameTypes.Ack or FrameTypes.AckEcn:
                return TryReadAck(ref r, type, ref again, out text, out length);
            case >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast:
            {
                if (!StreamFrame.TryRead(ref r, type, out StreamFrame f))
                    return false;
                text = $"STREAM {f.Id}+{f.Offset}{(f.Fin ? " fin" : "")} {Hex.Text(f.Data)}";
                length = StreamFrame.HeaderLength(f.Id, f.Offset, f.Data.Length) + f.Data.Length;
                StreamFrame.WriteHeader(ref again, f.Id, f.Offset, f.Data.Length, f.Fin);
                again.WriteBytes(f.Data);
                return true;
            }
            case FrameTypes.Crypto:
            {
                if (!CryptoFrame.TryRead(ref r, out CryptoFrame f))
                    return false;
                text = $"CRYPTO +{f.Offset} {Hex.Text(f.Data)}";
                length = CryptoFrame.HeaderLength(f.Offset, f.Data.Length) + f.Data.Length;
                CryptoFrame.WriteHeader(ref again, f.Offset, f.Data.Length);
                again.WriteBytes(f.Data);
                return true;
            }
            case FrameTypes.Datagram or FrameTypes.DatagramWithLength:
            {
                if (!DatagramFrame.TryRead(ref r, type, out DatagramFrame f))
                    return false;
                text = $"DATAGRAM {Hex.Text(f.Data)}";
                length = DatagramFrame.HeaderLength(f.Data.Length) + f.Data.Length;
                DatagramFrame.WriteHeader(ref again, f.Data.Length);
                again.WriteBytes(f.Data);
                return true;
            }
            case FrameTypes.NewToken:
            {
                if (!NewTokenFrame.TryRead(ref r, out NewTokenFrame f))
                    return false;
                text = $"NEW_TOKEN {Hex.Text(f.Token)}";
                length = f.Length;
                f.Write(ref again);
                return true;
            }
            case FrameTypes.NewConnectionId:
            {
                if (!NewConnectionIdFrame.TryRead(ref r, out NewConnectionIdFrame f))
                    return false;
                text = $"NEW_CONNECTION_ID {f.Sequence} retire {f.RetirePriorTo} id {f.Id} token {Hex.Text(f.ResetToken)}";
                length = f.Length;
                f.Write(ref again);
                return true;
            }
            case FrameTypes.ConnectionClose or FrameTypes.ApplicationClose:
            {
                if (!ConnectionCloseFrame.TryRead(ref r, type, out ConnectionCloseFrame f))
                    return false;
                text = $"CONNECTION_CLOSE {(f.IsApplication ? "application" : "transport")} {f.Code} on {f.FrameType} {Hex.Text(f.Reason)}";
                length = f.Length;
                f.Write(ref again);
                return true;
            }
            default:
                return TryReadFixed(ref r, type, ref again, out text, out length);
        }
    }

    private static bool TryReadAck(scoped ref WireReader r, ulong type, scoped ref WireWriter again, out string text, out int length)
    {
        text = "";
        length = 0;
        if (!AckFrame.TryRead(ref r, type, out AckFrame f))
            return false;
        var ranges = new List<PacketRange>();
        foreach (PacketRange range in f)
            ranges.Add(range);
        var line = new StringBuilder($"ACK delay {f.Delay}");
        foreach (PacketRange range in ranges)
            line.Append(System.Globalization.CultureInfo.InvariantCulture, $" {range.Largest}-{range.Smallest}");
        if (f.Ecn is { } ecn)
            line.Append(System.Globalization.CultureInfo.InvariantCulture, $" ecn {ecn.Ect0},{ecn.Ect1},{ecn.Ce}");
        text = line.ToString();
        Assert.Equal(f.Largest, ranges[0].Largest);
        Assert.Equal(f.AdditionalRanges, ranges.Count - 1);
        int start = again.Position;
        Assert.True(AckFrame.TryWrite(ref again, ranges.ToArray(), f.Delay, f.Ecn));
        length = again.Position - start;
        return true;
    }

    /// <summary>The frames that hold numbers and addresses only, and so are plain values.</summary>
    private static bool TryReadFixed(scoped ref WireReader r, ulong type, scoped ref WireWriter again, out string text, out int length)
    {
        text = "";
        length = 0;
        switch (type)
        {
            case FrameTypes.ResetStream:
            {
                if (!ResetStreamFrame.TryRead(ref r, out ResetStreamFrame f))
                    return false;
                (text, length) = ($"RESET_STREAM {f.Id} code {f.Code} size {f.FinalSize}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.StopSending:
            {
                if (!StopSendingFrame.TryRead(ref r, out StopSendingFrame f))
                    return false;
                (text, length) = ($"STOP_SENDING {f.Id} code {f.Code}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.MaxData:
            {
                if (!MaxDataFrame.TryRead(ref r, out MaxDataFrame f))
                    return false;
                (text, length) = ($"MAX_DATA {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.MaxStreamData:
            {
                if (!MaxStreamDataFrame.TryRead(ref r, out MaxStreamDataFrame f))
                    return false;
                (text, length) = ($"MAX_STREAM_DATA {f.Id} {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.MaxStreamsBidirectional or FrameTypes.MaxStreamsUnidirectional:
            {
                if (!MaxStreamsFrame.TryRead(ref r, type, out MaxStreamsFrame f))
                    return false;
                (text, length) = ($"MAX_STREAMS {(f.Bidirectional ? "bidi" : "uni")} {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.DataBlocked:
            {
                if (!DataBlockedFrame.TryRead(ref r, out DataBlockedFrame f))
                    return false;
                (text, length) = ($"DATA_BLOCKED {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.StreamDataBlocked:
            {
                if (!StreamDataBlockedFrame.TryRead(ref r, out StreamDataBlockedFrame f))
                    return false;
                (text, length) = ($"STREAM_DATA_BLOCKED {f.Id} {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.StreamsBlockedBidirectional or FrameTypes.StreamsBlockedUnidirectional:
            {
                if (!StreamsBlockedFrame.TryRead(ref r, type, out StreamsBlockedFrame f))
                    return false;
                (text, length) = ($"STREAMS_BLOCKED {(f.Bidirectional ? "bidi" : "uni")} {f.Maximum}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.RetireConnectionId:
            {
                if (!RetireConnectionIdFrame.TryRead(ref r, out RetireConnectionIdFrame f))
                    return false;
                (text, length) = ($"RETIRE_CONNECTION_ID {f.Sequence}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.PathChallenge:
            {
                if (!PathChallengeFrame.TryRead(ref r, out PathChallengeFrame f))
                    return false;
                (text, length) = ($"PATH_CHALLENGE {f.Data:x16}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.PathResponse:
            {
                if (!PathResponseFrame.TryRead(ref r, out PathResponseFrame f))
                    return false;
                (text, length) = ($"PATH_RESPONSE {f.Data:x16}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.Candidate:
            {
                if (!CandidateFrame.TryRead(ref r, out CandidateFrame f))
                    return false;
                (text, length) = ($"CANDIDATE {f.Sequence} {f.Candidate.Kind} {f.Candidate.Address}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.CandidateGone:
            {
                if (!CandidateGoneFrame.TryRead(ref r, out CandidateGoneFrame f))
                    return false;
                (text, length) = ($"CANDIDATE_GONE {f.Sequence}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.Punch:
            {
                if (!PunchFrame.TryRead(ref r, out PunchFrame f))
                    return false;
                (text, length) = ($"PUNCH {f.Round}", f.Length);
                f.Write(ref again);
                return true;
            }
            case FrameTypes.ObservedAddress:
            {
                if (!ObservedAddressFrame.TryRead(ref r, out ObservedAddressFrame f))
                    return false;
                (text, length) = ($"OBSERVED_ADDRESS {f.Sequence} {f.Address}", f.Length);
                f.Write(ref again);
                return true;
            }
            default:
                Assert.False(FrameTypes.IsKnown(type), $"frame type 0x{type:x} is known, but nobody reads it");
                return false;
        }
    }
}
