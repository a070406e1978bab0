using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>
/// The streams and DATAGRAM frames of one connection, as forwarders see them. Driver thread only.
/// The members mean what those of <see cref="QuicConnection"/> mean.
/// </summary>
internal interface IStreamTransport
{
    /// <inheritdoc cref="QuicConnection.TryOpenStream"/>
    bool TryOpenStream(bool bidirectional, out StreamId id);

    /// <inheritdoc cref="QuicConnection.Write"/>
    StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted);

    /// <inheritdoc cref="QuicConnection.Finish"/>
    StreamStatus Finish(StreamId id);

    /// <inheritdoc cref="QuicConnection.Read"/>
    StreamStatus Read(StreamId id, Span<byte> destination, out int count);

    /// <inheritdoc cref="QuicConnection.Reset"/>
    void Reset(StreamId id, ulong code);

    /// <inheritdoc cref="QuicConnection.StopSending"/>
    void StopSending(StreamId id, ulong code);

    /// <inheritdoc cref="QuicConnection.MaxDatagramPayload"/>
    int MaxDatagramPayload { get; }

    /// <inheritdoc cref="QuicConnection.TrySendDatagram"/>
    bool TrySendDatagram(ReadOnlySpan<byte> payload);

    /// <inheritdoc cref="QuicConnection.TryReadDatagram"/>
    bool TryReadDatagram(Span<byte> destination, out int length);
}
