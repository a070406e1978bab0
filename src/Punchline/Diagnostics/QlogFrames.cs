using System.Text;
using System.Text.Json;
using Punchline.Quic.Wire;

namespace Punchline.Diagnostics;

/// <summary>
/// The frames of a packet as qlog tells them (draft-ietf-quic-qlog-quic-events, "QUIC Frames"). What is in them for the application,
/// tokens and keys stay out: a qlog file tells how a connection went, not what was said.
/// </summary>
internal static class QlogFrames
{
    /// <summary>Writes the value of <c>frames</c>: an array, whatever the bytes are. What cannot be read ends it, as it ends the connection.</summary>
    /// <param name="json">Takes it.</param>
    /// <param name="frames">A packet's payload in clear.</param>
    /// <param name="ackDelayExponent">The sender's (RFC 9000 section 19.3).</param>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> frames, int ackDelayExponent)
    {
        json.WriteStartArray("frames");
        var reader = new WireReader(frames);
        while (!reader.IsEmpty && FrameTypes.TryReadType(ref reader, out ulong type, out _))
        {
            json.WriteStartObject();
            bool isRead = type == FrameTypes.Padding ? Padding(json, ref reader) : TryWrite(json, ref reader, type, ackDelayExponent);
            json.WriteEndObject();
            if (!isRead)
                break;
        }
        json.WriteEndArray();
    }

    // PADDING in a row is one frame to a reader, as to Wireshark.
    private static bool Padding(Utf8JsonWriter json, ref WireReader reader)
    {
        int length = 1;
        while (reader.TryPeekByte(out byte next) && next == FrameTypes.Padding)
        {
            reader.Skip(1);
            length++;
        }
        json.WriteString("frame_type", "padding");
        Raw(json, "length", length);
        return true;
    }

    private static bool TryWrite(Utf8JsonWriter json, ref WireReader reader, ulong type, int ackDelayExponent) => type switch
    {
        FrameTypes.Ping => Named(json, "ping"),
        FrameTypes.HandshakeDone => Named(json, "handshake_done"),
        FrameTypes.Ack or FrameTypes.AckEcn => Ack(json, ref reader, type, ackDelayExponent),
        FrameTypes.Crypto => Crypto(json, ref reader),
        FrameTypes.NewToken => NewToken(json, ref reader),
        >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast => Stream(json, ref reader, type),
        FrameTypes.ResetStream or FrameTypes.StopSending => StreamEnd(json, ref reader, type),
        >= FrameTypes.MaxData and <= FrameTypes.StreamsBlockedUnidirectional => FlowControl(json, ref reader, type),
        >= FrameTypes.NewConnectionId and <= FrameTypes.PathResponse => Path(json, ref reader, type),
        FrameTypes.ConnectionClose or FrameTypes.ApplicationClose => Close(json, ref reader, type),
        FrameTypes.Datagram or FrameTypes.DatagramWithLength => Datagram(json, ref reader, type),
        _ => Unknown(json, ref reader, type),
    };

    private static bool Named(Utf8JsonWriter json, string name)
    {
        json.WriteString("frame_type", name);
        return true;
    }

    private static bool Ack(Utf8JsonWriter json, ref WireReader reader, ulong type, int exponent)
    {
        Named(json, "ack");
        if (!AckFrame.TryRead(ref reader, type, out AckFrame ack))
            return false;
        json.WriteNumber("ack_delay", ack.Delay * (double)(1L << exponent) / 1000);
        json.WriteStartArray("acked_ranges");
        foreach (PacketRange range in ack)
        {
            json.WriteStartArray();
            json.WriteNumberValue(range.Smallest);
            if (range.Largest != range.Smallest)
                json.WriteNumberValue(range.Largest);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        if (ack.Ecn is not { } ecn)
            return true;
        json.WriteNumber("ect1", ecn.Ect1);
        json.WriteNumber("ect0", ecn.Ect0);
        json.WriteNumber("ce", ecn.Ce);
        return true;
    }

    private static bool Crypto(Utf8JsonWriter json, ref WireReader reader)
    {
        Named(json, "crypto");
        if (!CryptoFrame.TryRead(ref reader, out CryptoFrame crypto))
            return false;
        json.WriteNumber("offset", crypto.Offset);
        Raw(json, "payload_length", crypto.Data.Length);
        return true;
    }

    private static bool NewToken(Utf8JsonWriter json, ref WireReader reader)
    {
        Named(json, "new_token");
        if (!NewTokenFrame.TryRead(ref reader, out NewTokenFrame token))
            return false;
        json.WriteStartObject("token");
        Raw(json, "length", token.Token.Length);
        json.WriteEndObject();
        return true;
    }

    private static bool Stream(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        Named(json, "stream");
        if (!StreamFrame.TryRead(ref reader, type, out StreamFrame stream))
            return false;
        json.WriteNumber("stream_id", stream.Id.Value);
        json.WriteNumber("offset", stream.Offset);
        if (stream.Fin)
            json.WriteBoolean("fin", true);
        Raw(json, "payload_length", stream.Data.Length);
        return true;
    }

    private static bool StreamEnd(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        if (type == FrameTypes.StopSending)
        {
            Named(json, "stop_sending");
            if (!StopSendingFrame.TryRead(ref reader, out StopSendingFrame stop))
                return false;
            json.WriteNumber("stream_id", stop.Id.Value);
            ApplicationError(json, stop.Code);
            return true;
        }
        Named(json, "reset_stream");
        if (!ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame reset))
            return false;
        json.WriteNumber("stream_id", reset.Id.Value);
        ApplicationError(json, reset.Code);
        json.WriteNumber("final_size", reset.FinalSize);
        return true;
    }

    private static bool FlowControl(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.MaxData:
                Named(json, "max_data");
                return MaxDataFrame.TryRead(ref reader, out MaxDataFrame maxData) && Limit(json, "maximum", maxData.Maximum);
            case FrameTypes.MaxStreamData:
                Named(json, "max_stream_data");
                return MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame maxStreamData)
                    && Limit(json, "stream_id", maxStreamData.Id.Value) && Limit(json, "maximum", maxStreamData.Maximum);
            case FrameTypes.MaxStreamsBidirectional or FrameTypes.MaxStreamsUnidirectional:
                Named(json, "max_streams");
                return MaxStreamsFrame.TryRead(ref reader, type, out MaxStreamsFrame maxStreams)
                    && StreamType(json, maxStreams.Bidirectional) && Limit(json, "maximum", maxStreams.Maximum);
            case FrameTypes.DataBlocked:
                Named(json, "data_blocked");
                return DataBlockedFrame.TryRead(ref reader, out DataBlockedFrame dataBlocked) && Limit(json, "limit", dataBlocked.Maximum);
            case FrameTypes.StreamDataBlocked:
                Named(json, "stream_data_blocked");
                return StreamDataBlockedFrame.TryRead(ref reader, out StreamDataBlockedFrame blocked)
                    && Limit(json, "stream_id", blocked.Id.Value) && Limit(json, "limit", blocked.Maximum);
            default:
                Named(json, "streams_blocked");
                return StreamsBlockedFrame.TryRead(ref reader, type, out StreamsBlockedFrame streamsBlocked)
                    && StreamType(json, streamsBlocked.Bidirectional) && Limit(json, "limit", streamsBlocked.Maximum);
        }
    }

    private static bool Path(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.NewConnectionId:
                Named(json, "new_connection_id");
                if (!NewConnectionIdFrame.TryRead(ref reader, out NewConnectionIdFrame newId))
                    return false;
                json.WriteNumber("sequence_number", newId.Sequence);
                json.WriteNumber("retire_prior_to", newId.RetirePriorTo);
                json.WriteString("connection_id", newId.Id.ToString());
                return true;
            case FrameTypes.RetireConnectionId:
                Named(json, "retire_connection_id");
                return RetireConnectionIdFrame.TryRead(ref reader, out RetireConnectionIdFrame retire) && Limit(json, "sequence_number", retire.Sequence);
            case FrameTypes.PathChallenge:
                Named(json, "path_challenge");
                return PathChallengeFrame.TryRead(ref reader, out PathChallengeFrame challenge) && Data(json, challenge.Data);
            default:
                Named(json, "path_response");
                return PathResponseFrame.TryRead(ref reader, out PathResponseFrame response) && Data(json, response.Data);
        }
    }

    private static bool Close(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        Named(json, "connection_close");
        if (!ConnectionCloseFrame.TryRead(ref reader, type, out ConnectionCloseFrame close))
            return false;
        json.WriteString("error_space", close.IsApplication ? "application" : "transport");
        if (close.IsApplication)
            ApplicationError(json, close.Code);
        else
            TransportError(json, "error", close.Code);
        // The peer's bytes: whatever they are, what is written is valid UTF-8.
        json.WriteString("reason", Encoding.UTF8.GetString(close.Reason));
        if (!close.IsApplication)
            json.WriteNumber("trigger_frame_type", close.FrameType);
        return true;
    }

    private static bool Datagram(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        Named(json, "datagram");
        if (!DatagramFrame.TryRead(ref reader, type, out DatagramFrame datagram))
            return false;
        Raw(json, "payload_length", datagram.Data.Length);
        return true;
    }

    // Those of the punch extension, which no schema names; and others, behind which nothing can be read.
    private static bool Unknown(Utf8JsonWriter json, ref WireReader reader, ulong type)
    {
        Named(json, "unknown");
        json.WriteNumber("frame_type_bytes", type);
        return type switch
        {
            FrameTypes.Candidate => CandidateFrame.TryRead(ref reader, out _),
            FrameTypes.CandidateGone => CandidateGoneFrame.TryRead(ref reader, out _),
            FrameTypes.Punch => PunchFrame.TryRead(ref reader, out _),
            FrameTypes.ObservedAddress => ObservedAddressFrame.TryRead(ref reader, out _),
            _ => false,
        };
    }

    /// <summary>An error of the transport: its name, and its code where it has none.</summary>
    public static void TransportError(Utf8JsonWriter json, string property, ulong code)
    {
        string? name = code switch
        {
            0x00 => "no_error",
            0x01 => "internal_error",
            0x02 => "connection_refused",
            0x03 => "flow_control_error",
            0x04 => "stream_limit_error",
            0x05 => "stream_state_error",
            0x06 => "final_size_error",
            0x07 => "frame_encoding_error",
            0x08 => "transport_parameter_error",
            0x09 => "connection_id_limit_error",
            0x0a => "protocol_violation",
            0x0b => "invalid_token",
            0x0c => "application_error",
            0x0d => "crypto_buffer_exceeded",
            0x0e => "key_update_error",
            0x0f => "aead_limit_reached",
            0x10 => "no_viable_path",
            >= 0x100 and <= 0x1ff => "crypto_error_0x" + code.ToString("x3", System.Globalization.CultureInfo.InvariantCulture),
            _ => null,
        };
        json.WriteString(property, name ?? "unknown");
        if (name is null)
            json.WriteNumber("error_code", code);
    }

    private static void ApplicationError(Utf8JsonWriter json, ulong code)
    {
        json.WriteString("error", "unknown");
        json.WriteNumber("error_code", code);
    }

    private static bool Limit(Utf8JsonWriter json, string name, ulong value)
    {
        json.WriteNumber(name, value);
        return true;
    }

    private static bool StreamType(Utf8JsonWriter json, bool bidirectional)
    {
        json.WriteString("stream_type", bidirectional ? "bidirectional" : "unidirectional");
        return true;
    }

    private static bool Data(Utf8JsonWriter json, ulong data)
    {
        json.WriteString("data", data.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        return true;
    }

    private static void Raw(Utf8JsonWriter json, string name, int length)
    {
        json.WriteStartObject("raw");
        json.WriteNumber(name, length);
        json.WriteEndObject();
    }
}
