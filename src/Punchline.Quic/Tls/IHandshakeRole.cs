namespace Punchline.Quic.Tls;

/// <summary>One role's state machine: whole messages in, events into the <see cref="HandshakeContext"/>.</summary>
internal interface IHandshakeRole : IDisposable
{
    /// <summary>The agreed ALPN name, once it is agreed.</summary>
    string? NegotiatedProtocol { get; }

    /// <summary>True once a session is resumed.</summary>
    bool IsResumed { get; }

    /// <summary>Begins, where the role begins.</summary>
    QuicError? Start();

    /// <summary>Takes a message of the current receiving level.</summary>
    /// <param name="message">With its header, for the transcript.</param>
    /// <param name="body">Without its header.</param>
    QuicError? OnMessage(HandshakeType type, ReadOnlySpan<byte> message, ReadOnlySpan<byte> body);
}
