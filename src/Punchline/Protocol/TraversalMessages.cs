using Punchline.Quic.Wire;
using Punchline.Traversal;

namespace Punchline.Protocol;

/// <summary>The host's answer to <see cref="Traverse"/>.</summary>
internal enum TraverseAnswer : byte
{
    /// <summary>It waits for the start.</summary>
    Ready = 0,

    /// <summary>Not now: ask again later.</summary>
    Later = 1,

    /// <summary>Not this, on this connection.</summary>
    Never = 2,
}

/// <summary>The client proposes an attempt to meet (docs/wire/tunnel.md).</summary>
/// <param name="Attempt">Its number, higher than all before.</param>
/// <param name="Method">How; a number of a later version is refused.</param>
internal sealed record Traverse(ulong Attempt, TraversalMethod Method) : TunnelMessage(TunnelMessageType.Traverse)
{
    public static Traverse? Read(WireReader body) =>
        body.TryReadVarInt(out ulong attempt) && body.TryReadByte(out byte method) ? new Traverse(attempt, (TraversalMethod)method) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteVarInt(Attempt);
        writer.WriteByte((byte)Method);
    }
}

/// <summary>The host has prepared its part, or does not take part.</summary>
/// <param name="Attempt">Which.</param>
/// <param name="Answer">Whether it takes part; unknown numbers mean that it does not.</param>
/// <param name="Ports">Where it will be, at its attested address, in this order.</param>
internal sealed record TraverseReady(ulong Attempt, TraverseAnswer Answer, ushort[] Ports) : TunnelMessage(TunnelMessageType.TraverseReady)
{
    public static TraverseReady? Read(WireReader body) =>
        body.TryReadVarInt(out ulong attempt) && body.TryReadByte(out byte answer) && PortList.TryRead(ref body, out ushort[] ports)
            ? new TraverseReady(attempt, (TraverseAnswer)answer, ports)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteVarInt(Attempt);
        writer.WriteByte((byte)Answer);
        PortList.Write(ref writer, Ports);
    }
}

/// <summary>The client begins in half a round trip: the host begins now.</summary>
/// <param name="Attempt">Which.</param>
/// <param name="Ports">Where the client will be, at its attested address, in this order.</param>
internal sealed record TraverseGo(ulong Attempt, ushort[] Ports) : TunnelMessage(TunnelMessageType.TraverseGo)
{
    public static TraverseGo? Read(WireReader body) =>
        body.TryReadVarInt(out ulong attempt) && PortList.TryRead(ref body, out ushort[] ports) ? new TraverseGo(attempt, ports) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteVarInt(Attempt);
        PortList.Write(ref writer, Ports);
    }
}

/// <summary>count (1, at most 10) ‖ ports (2 each).</summary>
file static class PortList
{
    public static bool TryRead(ref WireReader body, out ushort[] ports)
    {
        ports = [];
        if (!body.TryReadByte(out byte count) || count > TraversalLimits.ForetoldPorts)
            return false;
        ports = new ushort[count];
        for (int i = 0; i < count; i++)
        {
            if (!body.TryReadUInt16(out ports[i]))
                return false;
        }
        return true;
    }

    public static void Write(scoped ref WireWriter writer, ushort[] ports)
    {
        if (ports.Length > TraversalLimits.ForetoldPorts)
            throw new InvalidOperationException("More ports than a message holds.");
        writer.WriteByte((byte)ports.Length);
        foreach (ushort port in ports)
            writer.WriteUInt16(port);
    }
}
