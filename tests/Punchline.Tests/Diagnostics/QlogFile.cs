using System.Text.Json;
using Xunit;

namespace Punchline.Tests.Diagnostics;

/// <summary>A qlog file as a reader of JSON text sequences takes it (RFC 7464): anything that is out of form fails the test.</summary>
internal sealed class QlogFile
{
    private QlogFile(JsonElement header, IReadOnlyList<JsonElement> events) => (Header, Events) = (header, events);

    public JsonElement Header { get; }

    public IReadOnlyList<JsonElement> Events { get; }

    public static QlogFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        List<JsonElement> records = [];
        for (int at = 0; at < bytes.Length;)
        {
            Assert.Equal(0x1e, bytes[at]);
            int end = Array.IndexOf(bytes, (byte)0x1e, at + 1);
            end = end < 0 ? bytes.Length : end;
            Assert.Equal(0x0a, bytes[end - 1]);
            records.Add(JsonDocument.Parse(bytes.AsMemory(at + 1, end - at - 2)).RootElement);
            at = end;
        }
        return new QlogFile(records[0], records[1..]);
    }

    /// <summary>The <c>data</c> of the events of a name.</summary>
    public IEnumerable<JsonElement> Named(string name) =>
        Events.Where(value => value.GetProperty("name").GetString() == name).Select(value => value.GetProperty("data"));

    /// <summary>Packet type, number and frames of the packets that an event of this name tells of; the frames as their JSON text.</summary>
    public IEnumerable<(string Type, ulong Number, string Frames)> Packets(string name) => Named(name).Select(data =>
    {
        JsonElement header = data.GetProperty("header");
        return (header.GetProperty("packet_type").GetString()!, header.GetProperty("packet_number").GetUInt64(), data.GetProperty("frames").GetRawText());
    });
}
