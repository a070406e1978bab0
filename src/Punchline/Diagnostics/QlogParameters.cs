using System.Text.Json;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Diagnostics;

/// <summary>Transport parameters as qlog tells them (<c>quic:parameters_set</c>); stateless reset tokens, which are secrets, stay out.</summary>
internal static class QlogParameters
{
    /// <summary>Writes the members of <c>data</c>.</summary>
    public static void Write(Utf8JsonWriter json, bool isLocal, TransportParameters parameters)
    {
        json.WriteString("initiator", isLocal ? "local" : "remote");
        json.WriteString("tls_cipher", "TLS_AES_128_GCM_SHA256"); // The only one that we speak.
        Id(json, "original_destination_connection_id", parameters.OriginalDestinationConnectionId);
        Id(json, "initial_source_connection_id", parameters.InitialSourceConnectionId);
        Id(json, "retry_source_connection_id", parameters.RetrySourceConnectionId);
        json.WriteBoolean("disable_active_migration", parameters.DisableActiveMigration);
        json.WriteNumber("max_idle_timeout", parameters.MaxIdleTimeoutMilliseconds);
        json.WriteNumber("max_udp_payload_size", parameters.MaxUdpPayloadSize);
        json.WriteNumber("ack_delay_exponent", parameters.AckDelayExponent);
        json.WriteNumber("max_ack_delay", parameters.MaxAckDelayMilliseconds);
        json.WriteNumber("active_connection_id_limit", parameters.ActiveConnectionIdLimit);
        json.WriteNumber("initial_max_data", parameters.InitialMaxData);
        json.WriteNumber("initial_max_stream_data_bidi_local", parameters.InitialMaxStreamDataBidiLocal);
        json.WriteNumber("initial_max_stream_data_bidi_remote", parameters.InitialMaxStreamDataBidiRemote);
        json.WriteNumber("initial_max_stream_data_uni", parameters.InitialMaxStreamDataUni);
        json.WriteNumber("initial_max_streams_bidi", parameters.InitialMaxStreamsBidi);
        json.WriteNumber("initial_max_streams_uni", parameters.InitialMaxStreamsUni);
        json.WriteNumber("max_datagram_frame_size", parameters.MaxDatagramFrameSize);
        // Ours (docs/wire/punch.md): the schema lets others' members stand beside its own.
        if (parameters.PunchCandidateLimit > 0)
            json.WriteNumber("punch_candidate_limit", parameters.PunchCandidateLimit);
    }

    private static void Id(Utf8JsonWriter json, string name, ConnectionId? id)
    {
        if (id is { } value)
            json.WriteString(name, value.ToString());
    }
}
