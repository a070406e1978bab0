using Punchline.Lab.Driver;
using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>
/// The protocol of the tests, in both roles: a stream that a client opens comes back as it went. A client does not wait for the end
/// of what comes back: quiche loses an end that has no bytes with it and comes after all bytes were acknowledged
/// (https://github.com/cloudflare/quiche/issues/2525), and the package sends no other ends.
/// </summary>
internal sealed class EchoApplication : IRunnerApplication
{
    private readonly Dictionary<(QuicConnection, StreamId), Exchange> _exchanges = [];
    private readonly byte[] _scratch = new byte[65_536];

    private sealed class Exchange(ReadOnlyMemory<byte> expected)
    {
        public ReadOnlyMemory<byte> Expected => expected;
        public Outbox Outbox { get; } = new();
        public int Received { get; set; }
        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Sends bytes on a new stream; done once the same bytes came back.</summary>
    public async Task ExchangeAsync(UdpRunner runner, QuicConnection connection, ReadOnlyMemory<byte> payload)
    {
        var exchange = await runner.CallAsync(() =>
        {
            if (!connection.TryOpenStream(bidirectional: true, out StreamId id))
                throw new LabException("the peer allows no more streams");
            var opened = _exchanges[(connection, id)] = new Exchange(payload);
            opened.Outbox.Add(payload);
            opened.Outbox.End();
            opened.Outbox.Pump(connection, id);
            return opened;
        });
        await runner.WithinAsync(exchange.Done.Task, "the end of an echo");
    }

    public void OnEvent(QuicConnection connection, in QuicEvent quicEvent)
    {
        switch (quicEvent.Kind)
        {
            case QuicEventKind.StreamOpened:
                _exchanges[(connection, quicEvent.Stream)] = new Exchange(default);
                break;
            case QuicEventKind.StreamReadable:
                Read(connection, quicEvent.Stream, _exchanges[(connection, quicEvent.Stream)]);
                break;
            case QuicEventKind.StreamWritable:
                _exchanges[(connection, quicEvent.Stream)].Outbox.Pump(connection, quicEvent.Stream);
                break;
            case QuicEventKind.Closed:
                foreach (var ((_, id), exchange) in _exchanges)
                    exchange.Done.TrySetException(new LabException($"closed with stream {id} open behind {exchange.Received} bytes: {quicEvent.Error}"));
                break;
        }
    }

    private void Read(QuicConnection connection, StreamId id, Exchange exchange)
    {
        while (true)
        {
            StreamStatus status = connection.Read(id, _scratch, out int count);
            ReadOnlySpan<byte> bytes = _scratch.AsSpan(0, count);
            if (!connection.IsClient)
                exchange.Outbox.Add(bytes.ToArray());
            else if (!exchange.Expected.Span.Slice(exchange.Received, count).SequenceEqual(bytes))
                exchange.Done.TrySetException(new LabException($"stream {id}: wrong bytes behind {exchange.Received}"));
            exchange.Received += count;
            if (connection.IsClient && exchange.Received == exchange.Expected.Length)
                exchange.Done.TrySetResult(true);
            if (status == StreamStatus.Ok && count > 0)
                continue;
            if (status == StreamStatus.Finished)
                OnEnd(connection, id, exchange);
            else if (status != StreamStatus.Ok)
                exchange.Done.TrySetException(new LabException($"stream {id}: {status}"));
            if (!connection.IsClient)
                exchange.Outbox.Pump(connection, id);
            return;
        }
    }

    private static void OnEnd(QuicConnection connection, StreamId id, Exchange exchange)
    {
        if (!connection.IsClient)
            exchange.Outbox.End();
        else if (exchange.Received != exchange.Expected.Length)
            exchange.Done.TrySetException(new LabException($"stream {id} ended at {exchange.Received} of {exchange.Expected.Length}"));
    }
}
