using Punchline.Protocol;
using Punchline.Server.Relay;

namespace Punchline.Server.Tests.Relay;

/// <summary>A control channel that only remembers what it was given.</summary>
internal sealed class FakeChannel(bool takesFrames = false) : IRelayChannel
{
    public bool TakesFrames => takesFrames;

    public List<ControlMessage> Messages { get; } = [];

    public void TrySend(ControlMessage message) => Messages.Add(message);

    public int TrySendFrames(ReadOnlySpan<byte> batch, int segmentSize) => 0;
}
