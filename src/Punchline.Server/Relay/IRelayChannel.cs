using Punchline.Protocol;

namespace Punchline.Server.Relay;

/// <summary>The control channel on which an end of forwarding stands, as the UDP loop needs it. From any thread.</summary>
internal interface IRelayChannel
{
    /// <summary>The peer takes DATA frames on this channel.</summary>
    bool TakesFrames { get; }

    /// <summary>Queues a message.</summary>
    void TrySend(ControlMessage message);

    /// <summary>Queues DATA frames, each a message of its own, as many of them as there is room for.</summary>
    /// <param name="batch">Frames of this channel's peer.</param>
    /// <param name="segmentSize">Bytes of each but the last; at most <see cref="Punchline.Relay.RelayFrame.MaxChannelFrame"/>.</param>
    /// <returns>How many there was no room for.</returns>
    int TrySendFrames(ReadOnlySpan<byte> batch, int segmentSize);
}
