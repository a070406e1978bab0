using System.Text.Json;
using Punchline.Quic;

namespace Punchline.Cli.Output;

/// <summary>The fields of the event <c>pair</c>.</summary>
internal static class PairJson
{
    public static void Write(Utf8JsonWriter json, PairExamined pair)
    {
        json.WriteString("peer", pair.Peer);
        json.WriteString("server", pair.Server);
        Write(json, pair.Result);
        Write(json, "ours", pair.Ours);
        Write(json, "theirs", pair.Theirs);
        json.WriteStartArray("pairs");
        foreach (var tried in pair.Pairs)
            Write(json, tried);
        json.WriteEndArray();
        json.WriteStartArray("methods");
        foreach (var tried in pair.Methods)
            Write(json, tried);
        json.WriteEndArray();
        json.WriteNumber("seconds", Math.Round(pair.Duration.TotalSeconds, 3));
    }

    private static void Write(Utf8JsonWriter json, PairResult result)
    {
        json.WriteString("kind", EventWords.Of(result.Kind));
        json.WriteString("remote", result.Remote.ToString());
        json.WriteNumber("rttMs", Milliseconds(result.RoundTripTime));
        if (result.Cause is { } cause)
            json.WriteString("cause", EventWords.Of(cause));
        json.WriteString("because", result.Because);
        if (result.Advice.Length > 0)
            json.WriteString("advice", result.Advice);
    }

    private static void Write(Utf8JsonWriter json, string name, PairSide side)
    {
        json.WriteStartObject(name);
        json.WriteString("nat", side.Nat);
        json.WriteString("mapping", side.Mapping);
        json.WriteString("filtering", side.Filtering);
        json.WriteString("allocation", side.Allocation);
        if (side.IsTranslated is { } translated)
            json.WriteBoolean("translated", translated);
        json.WriteStartArray("candidates");
        foreach (var candidate in side.Candidates)
        {
            json.WriteStartObject();
            json.WriteString("address", candidate.Address.ToString());
            json.WriteString("kind", EventWords.Of(candidate.Kind));
            if (candidate.NotTried.Length > 0)
                json.WriteString("notTried", candidate.NotTried);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, PairTried tried)
    {
        json.WriteStartObject();
        if (tried.Local is not null)
            json.WriteString("local", tried.Local.ToString());
        json.WriteString("remote", tried.Remote.ToString());
        json.WriteString("kind", EventWords.Of(tried.Kind));
        Passed(json, "sent", tried.Sent, tried.SentAfter);
        Passed(json, "received", tried.Received, tried.ReceivedAfter);
        Passed(json, "answered", tried.Answered, tried.AnsweredAfter);
        if (tried.RoundTripTime is { } roundTrip)
            json.WriteNumber("rttMs", Milliseconds(roundTrip));
        json.WriteString("outcome", EventWords.Of(tried.Outcome));
        json.WriteString("reason", tried.Reason);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, MethodTried tried)
    {
        json.WriteStartObject();
        json.WriteString("method", tried.Method);
        json.WriteNumber("afterMs", Milliseconds(tried.BeganAfter));
        json.WriteNumber("sockets", tried.Sockets);
        json.WriteNumber("ports", tried.Ports);
        json.WriteNumber("probes", tried.Probes);
        json.WriteString("outcome", tried.Outcome);
        json.WriteString("reason", tried.Reason);
        json.WriteEndObject();
    }

    private static void Passed(Utf8JsonWriter json, string name, long count, TimeSpan? first)
    {
        json.WriteNumber(name, count);
        if (first is { } after)
            json.WriteNumber(name + "AfterMs", Milliseconds(after));
    }

    private static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);
}
