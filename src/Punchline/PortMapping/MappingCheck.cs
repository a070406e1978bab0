using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.PortMapping;

/// <summary>What a check from outside has shown.</summary>
internal enum MappingCheckOutcome : byte
{
    /// <summary>It still runs.</summary>
    Pending,

    /// <summary>A server's answer came through the port.</summary>
    Open,

    /// <summary>The server answers, and none of what it sent to the port came.</summary>
    Shut,

    /// <summary>The server did not answer at all meanwhile: nothing is shown, and another check may show it.</summary>
    Unheard,

    /// <summary>The server does not check ports.</summary>
    Unknowable,
}

/// <summary>
/// Has a server send to a mapped port (docs/adr/0015-port-mapping.md), and to the socket itself as well, both at the same times: so an outage is
/// not taken for a port that is shut.
/// </summary>
/// <param name="server">Which.</param>
/// <param name="port">The port, at the address at which the server sees us.</param>
/// <param name="randomness">For the transactions' ids.</param>
internal sealed class MappingCheck(UdpAddress server, ushort port, IRandomness randomness) : IDatagramClient
{
    private readonly StunBinding _through = new(server, randomness, responsePort: port);
    private readonly StunBinding _plain = new(server, randomness);

    /// <inheritdoc/>
    public UdpAddress Server => server;

    /// <summary>What it has shown.</summary>
    public MappingCheckOutcome Outcome => OutcomeOf(_through.State, _plain.State);

    /// <summary>What two questions show that were asked at the same times.</summary>
    /// <param name="through">The one whose answer goes to the mapped port.</param>
    /// <param name="plain">The one whose answer goes to the socket that asked.</param>
    public static MappingCheckOutcome OutcomeOf(StunBindingState through, StunBindingState plain) => (through, plain) switch
    {
        (StunBindingState.Succeeded, _) => MappingCheckOutcome.Open,
        (StunBindingState.Refused, _) => MappingCheckOutcome.Unknowable,
        (StunBindingState.Pending, _) or (_, StunBindingState.Pending) => MappingCheckOutcome.Pending,
        (_, StunBindingState.TimedOut) => MappingCheckOutcome.Unheard,
        _ => MappingCheckOutcome.Shut,
    };

    /// <inheritdoc/>
    public Instant NextTimeout => Outcome == MappingCheckOutcome.Pending ? Instant.Min(_through.NextTimeout, _plain.NextTimeout) : Instant.Never;

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        return Outcome == MappingCheckOutcome.Pending && (_through.TryTransmit(now, buffer, out length) || _plain.TryTransmit(now, buffer, out length));
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram) =>
        _through.TryReceive(now, from, datagram) || _plain.TryReceive(now, from, datagram);
}
