using Punchline.Interop.Ours;
using Punchline.Lab.Driver;
using Punchline.Quic;

namespace Punchline.Interop.Http3;

/// <summary>HTTP/3 on our side, in both roles: as a server it answers every request with the same body.</summary>
/// <param name="answer">A server's answer to each request.</param>
/// <param name="requestBody">What the body of each request must be, on a server.</param>
internal sealed class Http3Application(ReadOnlyMemory<byte> answer = default, ReadOnlyMemory<byte> requestBody = default) : IRunnerApplication
{
    private readonly Dictionary<(QuicConnection, StreamId), Exchange> _exchanges = [];
    private readonly Dictionary<(QuicConnection, StreamId), Outbox> _controls = [];
    private readonly byte[] _scratch = new byte[65_536];

    private sealed record Exchange(MessageReader Reader, Outbox Outbox)
    {
        public TaskCompletionSource<MessageReader> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Requests that a server has read to their end.</summary>
    public int Requests { get; private set; }

    /// <summary>Body bytes of those.</summary>
    public long RequestBytes { get; private set; }

    /// <summary>What was wrong with a request, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Sends a request; the answer's body must be as expected.</summary>
    public static async Task<MessageReader> RequestAsync(
        UdpRunner runner, QuicConnection connection, string path, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> expected)
    {
        var application = (Http3Application)connection.Owner!;
        var exchange = await runner.CallAsync(() => application.Start(connection, path, body, expected));
        return await runner.WithinAsync(exchange.Done.Task, "the end of an answer");
    }

    /// <summary>Sends a request before the handshake is complete, in 0-RTT; on the runner's thread.</summary>
    /// <returns>The answer.</returns>
    public Task<MessageReader> RequestEarly(QuicConnection connection, string path, ReadOnlyMemory<byte> expected) =>
        Start(connection, path, default, expected).Done.Task;

    public void OnEvent(QuicConnection connection, in QuicEvent quicEvent)
    {
        switch (quicEvent.Kind)
        {
            case QuicEventKind.Established:
                connection.Owner = this;
                OpenControlStream(connection);
                break;
            case QuicEventKind.StreamOpened when quicEvent.Stream.IsBidirectional:
                _exchanges[(connection, quicEvent.Stream)] = new Exchange(new MessageReader(requestBody), new Outbox());
                break;
            case QuicEventKind.StreamReadable:
                Read(connection, quicEvent.Stream);
                break;
            case QuicEventKind.StreamWritable:
                OutboxOf(connection, quicEvent.Stream)?.Pump(connection, quicEvent.Stream);
                break;
            case QuicEventKind.Closed:
                foreach (var ((owner, id), exchange) in _exchanges)
                {
                    if (owner == connection)
                        exchange.Done.TrySetException(new LabException($"closed with stream {id} open: {quicEvent.Error}"));
                }
                break;
        }
    }

    private Exchange Start(QuicConnection connection, string path, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> expected)
    {
        if (!connection.TryOpenStream(bidirectional: true, out StreamId id))
            throw new LabException("the peer allows no more streams");
        var exchange = new Exchange(new MessageReader(expected), new Outbox());
        _exchanges[(connection, id)] = exchange;
        exchange.Outbox.Add(Http3Wire.Request(!body.IsEmpty, path, "localhost"));
        Finish(exchange, body);
        exchange.Outbox.Pump(connection, id);
        return exchange;
    }

    private static void Finish(Exchange exchange, ReadOnlyMemory<byte> body)
    {
        if (!body.IsEmpty)
            exchange.Outbox.Add(Http3Wire.FrameHeader(Http3Wire.Data, body.Length));
        exchange.Outbox.Add(body);
        exchange.Outbox.End();
    }

    private Outbox? OutboxOf(QuicConnection connection, StreamId id) =>
        _exchanges.TryGetValue((connection, id), out Exchange? exchange) ? exchange.Outbox : _controls.GetValueOrDefault((connection, id));

    /// <summary>RFC 9114 section 6.2.1: each side opens one, and never closes it. Without a dynamic table QPACK's streams may stay away.</summary>
    private void OpenControlStream(QuicConnection connection)
    {
        if (!connection.TryOpenStream(bidirectional: false, out StreamId id))
            throw new LabException("the peer allows no control stream");
        var outbox = new Outbox();
        outbox.Add(Http3Wire.ControlPrologue());
        _controls[(connection, id)] = outbox;
        outbox.Pump(connection, id);
    }

    private void Read(QuicConnection connection, StreamId id)
    {
        Exchange? exchange = _exchanges.GetValueOrDefault((connection, id));
        while (true)
        {
            StreamStatus status = connection.Read(id, _scratch, out int count);
            exchange?.Reader.Take(_scratch.AsSpan(0, count));
            if (status == StreamStatus.Ok && count > 0)
                continue;
            if (status == StreamStatus.Finished && exchange is not null)
                OnMessageEnd(connection, id, exchange);
            else if (status != StreamStatus.Ok)
                exchange?.Done.TrySetException(new LabException($"stream {id}: {status}"));
            return;
        }
    }

    private void OnMessageEnd(QuicConnection connection, StreamId id, Exchange exchange)
    {
        if (!connection.IsClient)
        {
            Requests++;
            RequestBytes += exchange.Reader.BodyBytes;
            if (!exchange.Reader.IsWhole)
                Fault ??= $"request {id}: {exchange.Reader.BodyBytes} bytes, wrong from {exchange.Reader.FirstWrongByte}";
            exchange.Outbox.Add(Http3Wire.Ok());
            Finish(exchange, answer);
            exchange.Outbox.Pump(connection, id);
        }
        exchange.Done.TrySetResult(exchange.Reader);
    }
}
