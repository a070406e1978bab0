using Punchline.Invites;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>The types of the control channel's messages. The top bit: who does not know it cannot go on. 0x000f was one and stays free.</summary>
internal enum ControlType : ushort
{
    ServerHello = 0x8001,
    Register = 0x8002,
    Registered = 0x8003,
    Open = 0x8004,
    Opened = 0x8005,
    Error = 0x8006,
    SetInvites = 0x8007,
    SetDoorNonce = 0x8008,
    PairOpened = 0x8009,
    PairClosed = 0x000a,
    Displaced = 0x800b,
    ShuttingDown = 0x000c,
    Ping = 0x000d,
    Pong = 0x000e,
    Attest = 0x0010,
    Attested = 0x0011,
    RelayLimit = 0x0012,
}

/// <summary>
/// A message of the control channel between a peer and a server (docs/wire/control.md). Each knows its own body: it writes it, and
/// beside that stands a static <c>Read</c>, which returns null for a body that is not well formed.
/// </summary>
internal abstract record ControlMessage(ControlType Type)
{
    /// <summary>Writes what stands behind the type.</summary>
    public abstract void WriteBody(scoped ref WireWriter writer);
}

/// <summary>The server refuses.</summary>
internal sealed record ErrorMessage(ControlError Code, string Text) : ControlMessage(ControlType.Error)
{
    /// <summary>With <see cref="ControlError.UnknownInvite"/>: 16 bytes if the host says that the invite has ended, else none.</summary>
    public byte[] EndProof { get; init; } = [];

    public static ErrorMessage? Read(WireReader body)
    {
        if (!body.TryReadUInt16(out ushort code) || !body.TryReadShortText(out string text))
            return null;
        byte[] proof = [];
        if ((ControlError)code == ControlError.UnknownInvite)
            body.TryReadArray(InviteKeys.EndProofLength, out proof);
        return new ErrorMessage((ControlError)code, text) { EndProof = proof };
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt16((ushort)Code);
        writer.WriteShortText(Text);
        writer.WriteBytes(EndProof);
    }
}

/// <summary>The same identity registered anew.</summary>
internal sealed record Displaced() : ControlMessage(ControlType.Displaced)
{
    public override void WriteBody(scoped ref WireWriter writer)
    {
        // It says all by coming.
    }
}

/// <summary>The server goes down.</summary>
/// <param name="Spread">Seconds: a peer comes back, here or elsewhere, at a random time within them. 0: at once.</param>
internal sealed record ShuttingDown(ushort Spread) : ControlMessage(ControlType.ShuttingDown)
{
    public static ShuttingDown? Read(WireReader body)
    {
        // Servers of before say nothing of it.
        if (body.IsEmpty)
            return new ShuttingDown(0);
        return body.TryReadUInt16(out ushort spread) ? new ShuttingDown(spread) : null;
    }

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt16(Spread);
}

/// <summary>A sign of life is asked for.</summary>
internal sealed record Ping(ulong Echo) : ControlMessage(ControlType.Ping)
{
    public static Ping? Read(WireReader body) => body.TryReadUInt64(out ulong echo) ? new Ping(echo) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt64(Echo);
}

/// <summary>A sign of life.</summary>
internal sealed record Pong(ulong Echo) : ControlMessage(ControlType.Pong)
{
    public static Pong? Read(WireReader body) => body.TryReadUInt64(out ulong echo) ? new Pong(echo) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt64(Echo);
}
