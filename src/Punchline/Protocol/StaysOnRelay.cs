using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>Why the sender of <see cref="StaysOnRelay"/> does. Other numbers are a later version's.</summary>
internal enum RelayStay : byte
{
    /// <summary>It was told to.</summary>
    RelayOnly = 1,

    /// <summary>No server answers it over UDP.</summary>
    NoUdp = 2,
}

/// <summary>The sender has no direct path to offer, and says why: for what the receiver tells people.</summary>
internal sealed record StaysOnRelay(RelayStay Reason) : TunnelMessage(TunnelMessageType.StaysOnRelay)
{
    public static StaysOnRelay? Read(WireReader body) => body.TryReadByte(out byte reason) ? new StaysOnRelay((RelayStay)reason) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteByte((byte)Reason);
}
