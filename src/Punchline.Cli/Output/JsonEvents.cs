using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Punchline.Cli.Output;

/// <summary>
/// One JSON object a line for every event, flushed at once. The names are documented (docs/cli.md) and stay; fields
/// may be added.
/// </summary>
internal sealed class JsonEvents(Stream output, bool details) : IEventOutput
{
    // The output is read by programs, never set into a web page: quotes and letters stay readable.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _line = new();

    public void Report(PunchlineEvent value)
    {
        if (value is Detail && !details)
            return;
        lock (_gate)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, Readable))
            {
                json.WriteStartObject();
                Write(json, value);
                json.WriteEndObject();
            }

            Flush();
        }
    }

    public void Failure(DateTimeOffset time, string code, string message, ExitCode exitCode)
    {
        lock (_gate)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, Readable))
            {
                json.WriteStartObject();
                Head(json, "error", time);
                json.WriteString("code", code);
                json.WriteString("message", message);
                json.WriteNumber("exitCode", (int)exitCode);
                json.WriteEndObject();
            }

            Flush();
        }
    }

    private static void Head(Utf8JsonWriter json, string name, DateTimeOffset time)
    {
        json.WriteString("event", name);
        json.WriteString("time", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static void Write(Utf8JsonWriter json, PunchlineEvent value)
    {
        switch (value)
        {
            case ServerReady ready:
                Head(json, "ready", value.Time);
                json.WriteString("listen", ready.Listen.ToString());
                break;
            case HostReady ready:
                Head(json, "ready", value.Time);
                json.WriteString("server", ready.Server);
                break;
            case InviteCreated created:
                Head(json, "invite", value.Time);
                json.WriteString("invite", created.Invite);
                break;
            case Listening listening:
                Head(json, "listening", value.Time);
                json.WriteString("service", listening.Service);
                json.WriteString("protocol", EventWords.Of(listening.Protocol));
                json.WriteString("address", listening.Address.ToString());
                json.WriteBoolean("known", listening.IsKnown);
                break;
            case PeerJoined joined:
                Head(json, "peer-joined", value.Time);
                json.WriteString("peer", joined.Peer);
                break;
            case PeerLeft left:
                Head(json, "peer-left", value.Time);
                json.WriteString("peer", left.Peer);
                json.WriteString("reason", left.Reason);
                break;
            case PathChanged path:
                Head(json, "path", value.Time);
                json.WriteString("peer", path.Peer);
                json.WriteString("kind", EventWords.Of(path.Kind));
                json.WriteString("remote", path.Remote.ToString());
                json.WriteNumber("rttMs", Math.Round(path.RoundTripTime.TotalMilliseconds, 3));
                break;
            case StaysRelayed relayed:
                Head(json, "relayed", value.Time);
                json.WriteString("peer", relayed.Peer);
                json.WriteString("cause", EventWords.Of(relayed.Cause));
                json.WriteString("because", relayed.Because);
                json.WriteString("advice", relayed.Advice);
                json.WriteNumber("bytesPerSecond", relayed.BytesPerSecond);
                break;
            case Progress progress:
                Head(json, "progress", value.Time);
                json.WriteString("stage", EventWords.Of(progress.Stage));
                json.WriteString("detail", progress.Detail);
                break;
            case Problem problem:
                Head(json, "error", value.Time);
                json.WriteString("code", ProblemNames.Of(problem.Code).Name);
                json.WriteString("message", problem.Message);
                break;
            case Notice notice:
                Head(json, "notice", value.Time);
                json.WriteString("message", notice.Message);
                break;
            case Detail detail:
                Head(json, "detail", value.Time);
                json.WriteString("message", detail.Message);
                break;
            case PairExamined pair:
                Head(json, "pair", value.Time);
                PairJson.Write(json, pair);
                break;
            case Transferred transferred:
                Head(json, "transferred", value.Time);
                json.WriteString("what", transferred.What);
                json.WriteNumber("bytes", transferred.Bytes);
                json.WriteNumber("seconds", Math.Round(transferred.Duration.TotalSeconds, 6));
                json.WriteNumber("mbitPerSecond", Math.Round(EventWords.MegabitsPerSecond(transferred), 3));
                break;
            case NetworkExamined examined:
                Head(json, "network", value.Time);
                WriteFindings(json, examined.Findings);
                json.WriteStartArray("friends");
                foreach (var expectation in examined.Expectations)
                {
                    json.WriteStartObject();
                    json.WriteString("friend", expectation.Friend);
                    json.WriteString("meeting", EventWords.Of(expectation.Meeting));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteString("advice", examined.Advice);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(value), value.GetType().Name, "an event without a name in JSON");
        }
    }

    private static void WriteFindings(Utf8JsonWriter json, IReadOnlyList<Finding> findings)
    {
        json.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            json.WriteStartObject();
            json.WriteString("name", finding.Name);
            json.WriteString("value", finding.Value);
            json.WriteString("meaning", finding.Meaning);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void Flush()
    {
        _line.Write("\n"u8);
        output.Write(_line.WrittenSpan);
        output.Flush();
    }
}
