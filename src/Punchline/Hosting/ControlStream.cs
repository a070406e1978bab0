using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>
/// The control stream of a connection (docs/wire/tunnel.md): whole messages in both directions over one QUIC stream, and nothing of
/// what they mean. Driver thread only.
/// </summary>
internal sealed class ControlStream(IStreamTransport transport, StreamId stream, Action<TunnelMessage> received)
{
    /// <summary>The first bidirectional stream, which the client opens.</summary>
    public static readonly StreamId Id = StreamId.From(clientInitiated: true, bidirectional: true, ordinal: 0);

    /// <summary>Room for what comes at once; a larger message makes it grow, up to the largest there is.</summary>
    private const int FirstBuffer = 1_024;

    /// <summary>Type and length in front of the largest body.</summary>
    private const int MaxMessage = 2 + 8 + TunnelCodec.MaxBodyLength;

    /// <summary>Messages that the stream has not taken yet. The peer's window holds far more than all that we ever say; beyond it, it does not read.</summary>
    private const int MaxUnsent = 256;

    private readonly Queue<ReadOnlyMemory<byte>> _unsent = new();
    private byte[] _buffer = new byte[FirstBuffer];
    private int _length;

    /// <summary>Sends a message, now or as soon as there is room.</summary>
    /// <returns>False if the peer does not read, and so it is dropped.</returns>
    public bool Send(TunnelMessage message)
    {
        if (_unsent.Count >= MaxUnsent)
            return false;
        _unsent.Enqueue(TunnelCodec.Write(message));
        OnWritable();
        return true;
    }

    /// <summary>The stream takes bytes again.</summary>
    public void OnWritable()
    {
        while (_unsent.TryDequeue(out ReadOnlyMemory<byte> bytes))
        {
            if (transport.Write(stream, bytes.Span, out int accepted) != StreamStatus.Ok || accepted == bytes.Length)
                continue;
            // The rest goes first when there is room.
            ReadOnlyMemory<byte>[] others = [.. _unsent];
            _unsent.Clear();
            _unsent.Enqueue(bytes[accepted..]);
            foreach (ReadOnlyMemory<byte> other in others)
                _unsent.Enqueue(other);
            return;
        }
    }

    /// <summary>The stream can be read: hands over each whole message.</summary>
    /// <returns>Why the connection must be closed, else none.</returns>
    public CloseCode OnReadable()
    {
        while (true)
        {
            if (_length == _buffer.Length)
            {
                if (_length >= MaxMessage)
                    return CloseCode.Malformed;
                Array.Resize(ref _buffer, Math.Min(2 * _length, MaxMessage));
            }
            StreamStatus status = transport.Read(stream, _buffer.AsSpan(_length), out int count);
            _length += count;
            if (TakeMessages() is var code and not CloseCode.None)
                return code;
            // It lives as long as the connection: an end of it is a mistake of the peer's.
            if (status != StreamStatus.Ok)
                return CloseCode.Malformed;
            if (count == 0)
                return CloseCode.None;
        }
    }

    private CloseCode TakeMessages()
    {
        int taken = 0;
        while (true)
        {
            TunnelReadStatus status = TunnelCodec.TryRead(_buffer.AsSpan(taken, _length - taken), out TunnelMessage? message, out int consumed);
            taken += consumed;
            switch (status)
            {
                case TunnelReadStatus.Ok:
                    received(message!);
                    break;
                case TunnelReadStatus.Skip:
                    break;
                case TunnelReadStatus.NeedMore:
                    _buffer.AsSpan(taken, _length - taken).CopyTo(_buffer);
                    _length -= taken;
                    return CloseCode.None;
                case TunnelReadStatus.UnknownCritical:
                    return CloseCode.NewerNeeded;
                default:
                    return CloseCode.Malformed;
            }
        }
    }
}
