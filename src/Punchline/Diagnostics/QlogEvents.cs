using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Diagnostics;

/// <summary>
/// The core's events of one connection in the words of qlog (draft-ietf-quic-qlog-quic-events). Members that are not the
/// schema's: <c>relayed</c> beside <c>tuple</c>, on everything that went through a server.
/// </summary>
internal sealed class QlogEvents
{
    private readonly QuicConnection _connection;
    private readonly QlogConnection _file;
    private readonly ArrayBufferWriter<byte> _record;
    private readonly Utf8JsonWriter _json;
    private readonly Dictionary<NetworkPath, string> _tuples = [];
    private int _nextTuple;
    private int _peerAckDelayExponent = (int)TransportParameters.DefaultAckDelayExponent;
    private PathStatistics _told;

    /// <param name="connection">Which it is about.</param>
    /// <param name="file">Takes the records.</param>
    /// <param name="record">Where one record is made: shared by all connections of a driver.</param>
    /// <param name="json">The writer into it.</param>
    public QlogEvents(QuicConnection connection, QlogConnection file, ArrayBufferWriter<byte> record, Utf8JsonWriter json)
    {
        _connection = connection;
        _file = file;
        _record = record;
        _json = json;
    }

    /// <summary>Writes what happened: a record, or several.</summary>
    public void Write(in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        switch (traceEvent.Kind)
        {
            case TraceKind.PacketSent:
                Packet("quic:packet_sent", traceEvent, content, (int)TransportParameters.DefaultAckDelayExponent);
                break;
            case TraceKind.PacketReceived:
                Packet("quic:packet_received", traceEvent, content, _peerAckDelayExponent);
                break;
            case TraceKind.PacketDropped:
                Dropped(traceEvent);
                break;
            case TraceKind.PacketLost:
                Begin("quic:packet_lost", traceEvent);
                Header(traceEvent);
                End(traceEvent);
                break;
            case TraceKind.ProbeTimeout:
                Begin("quic:timer_updated", traceEvent);
                _json.WriteString("timer_type", "pto");
                _json.WriteString("event_type", "expired");
                End(traceEvent);
                Begin("quic:recovery_metrics_updated", traceEvent);
                _json.WriteNumber("pto_count", traceEvent.Number);
                End(traceEvent);
                break;
            case TraceKind.Path:
                PathState(traceEvent);
                break;
            case TraceKind.Keys:
                Keys(traceEvent);
                break;
            case TraceKind.State:
                State(traceEvent);
                break;
            case TraceKind.Parameters:
                Parameters(traceEvent, content);
                break;
            case TraceKind.Recovery:
                Recovery(traceEvent);
                break;
        }
    }

    private void Packet(string name, in TraceEvent traceEvent, ReadOnlySpan<byte> frames, int ackDelayExponent)
    {
        Begin(name, traceEvent);
        Header(traceEvent);
        QlogFrames.Write(_json, frames, ackDelayExponent);
        _json.WriteStartObject("raw");
        _json.WriteNumber("length", traceEvent.Size);
        _json.WriteNumber("payload_length", frames.Length);
        _json.WriteEndObject();
        End(traceEvent);
    }

    private void Header(in TraceEvent traceEvent)
    {
        _json.WriteStartObject("header");
        _json.WriteString("packet_type", PacketType(traceEvent));
        _json.WriteNumber("packet_number", traceEvent.Number);
        _json.WriteEndObject();
    }

    private void Dropped(in TraceEvent traceEvent)
    {
        Begin("quic:packet_dropped", traceEvent);
        _json.WriteStartObject("header");
        _json.WriteString("packet_type", PacketType(traceEvent));
        _json.WriteEndObject();
        _json.WriteStartObject("raw");
        _json.WriteNumber("length", traceEvent.Size);
        _json.WriteEndObject();
        _json.WriteString("trigger", traceEvent.Text switch
        {
            "no keys" => "key_unavailable",
            "not authentic" or "too short" => "decryption_failure",
            "duplicate" => "duplicate",
            "unsupported packet type" => "unsupported",
            "unknown path" => "rejected",
            _ => "invalid",
        });
        _json.WriteStartObject("details");
        _json.WriteString("reason", traceEvent.Text);
        _json.WriteEndObject();
        End(traceEvent);
    }

    private void PathState(in TraceEvent traceEvent)
    {
        string? state = traceEvent.Text switch
        {
            "validating" => "probing_started",
            "validated" => "probing_successful",
            "failed" => "probing_abandoned",
            "current" => "migration_complete",
            _ => null,
        };
        if (state is null)
        {
            TupleOf(traceEvent, traceEvent.Path!);
        }
        else
        {
            Begin("quic:migration_state_updated", traceEvent);
            _json.WriteString("new", state);
            _json.WriteString("tuple_id", _tuples[traceEvent.Path!]);
            End(traceEvent);
        }
        if (traceEvent.Text == "forgotten")
            _tuples.Remove(traceEvent.Path!);
    }

    private void Keys(in TraceEvent traceEvent)
    {
        bool isDiscarded = traceEvent.Text == "discarded";
        // 0-RTT has one direction, so one secret.
        ReadOnlySpan<string> sides = traceEvent.IsEarly ? ["client"] : ["client", "server"];
        string level = traceEvent.Space switch
        {
            PacketNumberSpace.Initial => "initial",
            PacketNumberSpace.Handshake => "handshake",
            _ => traceEvent.IsEarly ? "0rtt" : "1rtt",
        };
        foreach (string side in sides)
        {
            Begin(isDiscarded ? "quic:key_discarded" : "quic:key_updated", traceEvent);
            _json.WriteString("key_type", $"{side}_{level}_secret");
            if (!isDiscarded)
                _json.WriteString("trigger", traceEvent.Text switch { "updated" => "local_update", "updated by the peer" => "remote_update", _ => "tls" });
            End(traceEvent);
        }
    }

    private void State(in TraceEvent traceEvent)
    {
        switch (traceEvent.Text)
        {
            case "started":
                NetworkPath path = _connection.CurrentPath;
                Begin("quic:connection_started", traceEvent);
                Endpoint("local", LocalOf(path));
                Endpoint("remote", path.RemoteAddress);
                End(traceEvent);
                ConnectionState(traceEvent, "attempted");
                TupleOf(traceEvent, path);
                break;
            case "established":
                ConnectionState(traceEvent, "handshake_complete");
                break;
            case "confirmed":
                ConnectionState(traceEvent, "handshake_confirmed");
                break;
            case "closed":
                Closed(traceEvent, _connection.CloseError!);
                break;
            case "ended":
                ConnectionState(traceEvent, "closed");
                break;
        }
    }

    private void Closed(in TraceEvent traceEvent, QuicError error)
    {
        Begin("quic:connection_closed", traceEvent);
        _json.WriteString("initiator", error.IsRemote ? "remote" : "local");
        if (error.IsApplication)
        {
            _json.WriteString("application_error", "unknown");
            _json.WriteNumber("error_code", error.Code);
        }
        else
        {
            QlogFrames.TransportError(_json, "connection_error", error.Code);
        }
        _json.WriteString("reason", error.Reason);
        _json.WriteString("trigger", error.IsApplication ? "application" : error.Code == 0 ? "unspecified" : "error");
        End(traceEvent);
        ConnectionState(traceEvent, error.IsRemote ? "draining" : "closing");
    }

    private void ConnectionState(in TraceEvent traceEvent, string state)
    {
        Begin("quic:connection_state_updated", traceEvent);
        _json.WriteString("new", state);
        End(traceEvent);
    }

    private void Parameters(in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        bool isLocal = traceEvent.Text == "local";
        // Ours and the peer's have been read before, so they can be.
        if (!TransportParameters.TryRead(content, fromClient: isLocal == traceEvent.IsClient, out TransportParameters? parameters, out _) || parameters is null)
            return;
        if (!isLocal)
            _peerAckDelayExponent = (int)parameters.AckDelayExponent;
        Begin("quic:parameters_set", traceEvent);
        QlogParameters.Write(_json, isLocal, parameters);
        End(traceEvent);
    }

    private void Recovery(in TraceEvent traceEvent)
    {
        if (!_connection.TryGetPathStatistics(traceEvent.Path!, out PathStatistics now) || now == _told)
            return;
        Begin("quic:recovery_metrics_updated", traceEvent);
        if (now.IsMeasured)
        {
            _json.WriteNumber("min_rtt", now.MinRtt.TotalMilliseconds);
            _json.WriteNumber("smoothed_rtt", now.SmoothedRtt.TotalMilliseconds);
        }
        _json.WriteNumber("congestion_window", now.CongestionWindow);
        _json.WriteNumber("bytes_in_flight", now.BytesInFlight);
        End(traceEvent);
        if (now.MaxDatagramSize != _told.MaxDatagramSize)
        {
            Begin("quic:mtu_updated", traceEvent);
            _json.WriteNumber("new", now.MaxDatagramSize);
            End(traceEvent);
        }
        _told = now;
    }

    /// <summary>The name of a path in the file; it is introduced when it comes up first.</summary>
    private string TupleOf(in TraceEvent traceEvent, NetworkPath path)
    {
        if (_tuples.TryGetValue(path, out string? known))
            return known;
        string id = (_nextTuple++).ToString(CultureInfo.InvariantCulture);
        _tuples.Add(path, id);
        Open("quic:tuple_assigned", traceEvent);
        _json.WriteStartObject("data");
        _json.WriteString("tuple_id", id);
        Endpoint("tuple_remote", path.RemoteAddress);
        Endpoint("tuple_local", LocalOf(path));
        _json.WriteBoolean("relayed", path.Kind == PathKind.Relay);
        End(traceEvent);
        return id;
    }

    private void Endpoint(string name, in UdpAddress address)
    {
        _json.WriteStartObject(name);
        if (!address.IsNone)
        {
            string version = address.IsIPv6 ? "v6" : "v4";
            _json.WriteString("ip_" + version, address.ToIPAddress().ToString());
            _json.WriteNumber("port_" + version, address.Port);
        }
        _json.WriteEndObject();
    }

    private static UdpAddress LocalOf(NetworkPath path) => path is SocketPath { LocalAddress: var local } ? local : default;

    private static string PacketType(in TraceEvent traceEvent) => traceEvent.Space switch
    {
        PacketNumberSpace.Initial => "initial",
        PacketNumberSpace.Handshake => "handshake",
        _ => traceEvent.IsEarly ? "0RTT" : "1RTT",
    };

    /// <summary>Begins a record, up to the members of its <c>data</c>.</summary>
    private void Begin(string name, in TraceEvent traceEvent)
    {
        // Before the record, as there is room for one.
        string? tuple = traceEvent.Path is { } path ? TupleOf(traceEvent, path) : null;
        Open(name, traceEvent);
        if (tuple is not null)
        {
            _json.WriteString("tuple", tuple);
            if (traceEvent.Path!.Kind == PathKind.Relay)
                _json.WriteBoolean("relayed", true);
        }
        _json.WriteStartObject("data");
    }

    private void Open(string name, in TraceEvent traceEvent)
    {
        _record.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("time", traceEvent.At.Ticks / (double)TimeSpan.TicksPerMillisecond);
        _json.WriteString("name", name);
    }

    private void End(in TraceEvent traceEvent)
    {
        _json.WriteEndObject();
        _json.WriteEndObject();
        _json.Flush();
        _file.Add(traceEvent.At, _record.WrittenSpan);
    }
}
