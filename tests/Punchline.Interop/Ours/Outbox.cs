using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>What one stream has still to send; <see cref="Pump"/> is called again whenever the stream is writable.</summary>
internal sealed class Outbox
{
    private readonly Queue<ReadOnlyMemory<byte>> _parts = new();
    private bool _ends;
    private bool _hasEnded;

    /// <summary>Queues bytes, which stay as they are.</summary>
    public void Add(ReadOnlyMemory<byte> bytes)
    {
        if (!bytes.IsEmpty)
            _parts.Enqueue(bytes);
    }

    /// <summary>After the queued bytes the stream ends.</summary>
    public void End() => _ends = true;

    /// <summary>Hands over what the connection takes now.</summary>
    public void Pump(QuicConnection connection, StreamId id)
    {
        ReadOnlyMemory<byte> rest = default;
        while (!rest.IsEmpty || _parts.TryDequeue(out rest))
        {
            StreamStatus status = connection.Write(id, rest.Span, out int accepted);
            if (status != StreamStatus.Ok)
                throw new InvalidOperationException($"stream {id} cannot be written: {status}");
            rest = rest[accepted..];
            if (rest.IsEmpty)
                continue;
            PutBack(rest);
            return;
        }
        if (!_ends || _hasEnded)
            return;
        _hasEnded = true;
        connection.Finish(id);
    }

    private void PutBack(ReadOnlyMemory<byte> rest)
    {
        ReadOnlyMemory<byte>[] others = [.. _parts];
        _parts.Clear();
        _parts.Enqueue(rest);
        foreach (ReadOnlyMemory<byte> other in others)
            _parts.Enqueue(other);
    }
}
