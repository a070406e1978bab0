using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Punchline.Hosting;
using Punchline.Quic;

namespace Punchline.Diagnostics;

/// <summary>The records of a qlog file that are about the file itself (draft-ietf-quic-qlog-main-schema, sections on QlogFileSeq and loglevel).</summary>
internal static class QlogHeader
{
    private static readonly string[] Schemas =
    [
        // Until there is an RFC, the draft's number is part of the name (quic-events, "Draft Event Schema Identification").
        "urn:ietf:params:qlog:events:quic-13",
        "urn:ietf:params:qlog:events:loglevel",
    ];

    // The file is no part of a web page: a plus sign may be one.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The header, which is the first record.</summary>
    /// <param name="connection">Which the file is about.</param>
    /// <param name="zero">The wall clock's time at the zero of the events' clock.</param>
    public static byte[] Of(QuicConnection connection, DateTimeOffset zero)
    {
        var text = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(text, Options);
        json.WriteStartObject();
        json.WriteString("file_schema", "urn:ietf:params:qlog:file:sequential");
        json.WriteString("serialization_format", "application/qlog+json-seq");
        json.WriteString("title", $"punchline {ProgramVersion.Text}");
        json.WriteStartObject("trace");
        json.WriteStartObject("vantage_point");
        json.WriteString("type", connection.IsClient ? "client" : "server");
        json.WriteEndObject();
        json.WriteStartObject("common_fields");
        json.WriteString("group_id", connection.OriginalDestination.ToString());
        json.WriteString("time_format", "relative_to_epoch");
        json.WriteStartObject("reference_time");
        json.WriteString("clock_type", "monotonic");
        json.WriteString("epoch", "unknown");
        json.WriteString("wall_clock_time", zero.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartArray("event_schemas");
        foreach (string schema in Schemas)
            json.WriteStringValue(schema);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return text.WrittenSpan.ToArray();
    }

    /// <summary>The record that stands where others are missing.</summary>
    public static byte[] LeftOut(Instant now, long count)
    {
        var text = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(text, Options);
        json.WriteStartObject();
        json.WriteNumber("time", now.Ticks / (double)TimeSpan.TicksPerMillisecond);
        json.WriteString("name", "loglevel:warning");
        json.WriteStartObject("data");
        json.WriteString("message", string.Create(CultureInfo.InvariantCulture, $"{count} events were left out here"));
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return text.WrittenSpan.ToArray();
    }
}
