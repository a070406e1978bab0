using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>How much a server relays, as SERVER_HELLO says it (docs/wire/relay.md). Other numbers are a later version's: such a server relays.</summary>
internal enum RelayLevel : byte
{
    /// <summary>Handshakes and the coordination of punching alone.</summary>
    Off = 0,

    /// <summary>Application data too, at a named rate and up to a quota.</summary>
    Limited = 1,

    /// <summary>Application data too.</summary>
    On = 2,
}

/// <summary>Whose quota is used up.</summary>
internal enum RelayLimitReason : byte
{
    Pair = 1,
    Host = 2,
    Server = 3,
}

/// <summary>The bits of the features fields of SERVER_HELLO, REGISTER and OPEN. Unknown ones mean nothing.</summary>
[Flags]
internal enum ControlFeatures : ulong
{
    None = 0,

    /// <summary>Whoever says it takes DATA frames of the relay on this channel.</summary>
    ChannelFrames = 0x1,

    /// <summary>In OPEN: the host is not to be told the client's address.</summary>
    HideAddress = 0x2,
}

/// <summary>The sender agrees that the server tells the other end of a pair where it sees the sender over UDP.</summary>
/// <param name="Handle">The sender's own handle for the pair.</param>
internal sealed record Attest(ulong Handle) : ControlMessage(ControlType.Attest)
{
    public static Attest? Read(WireReader body) => body.TryReadUInt64(out ulong handle) ? new Attest(handle) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt64(Handle);
}

/// <summary>Where the server sees the other end of a pair over UDP, who agreed to it.</summary>
/// <param name="Handle">The receiver's own handle for the pair.</param>
/// <param name="Address">The other end's address and port, proven by a cookie.</param>
internal sealed record Attested(ulong Handle, UdpAddress Address) : ControlMessage(ControlType.Attested)
{
    public static Attested? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadAddress(out UdpAddress address) ? new Attested(handle, address) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteAddress(Address);
    }
}

/// <summary>Application data of a pair is not forwarded for now: a quota is used up.</summary>
/// <param name="Handle">The receiver's own handle for the pair.</param>
/// <param name="Reason">Whose quota.</param>
/// <param name="Seconds">Until it is whole again.</param>
internal sealed record RelayLimit(ulong Handle, RelayLimitReason Reason, uint Seconds) : ControlMessage(ControlType.RelayLimit)
{
    public static RelayLimit? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadByte(out byte reason) && body.TryReadUInt32(out uint seconds)
            ? new RelayLimit(handle, (RelayLimitReason)reason, seconds)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteByte((byte)Reason);
        writer.WriteUInt32(Seconds);
    }
}
