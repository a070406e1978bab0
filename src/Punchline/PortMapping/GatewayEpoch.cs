using Punchline.Quic;

namespace Punchline.PortMapping;

/// <summary>
/// Tells from the seconds in a router's answers whether it has lost its state in between. Whoever asks for a mapping has made it anew
/// by then; where one is only asked after, it is time to.
/// </summary>
internal sealed class GatewayEpoch
{
    private long _epoch;
    private Instant _heardAt = Instant.Never;

    /// <summary>PCP's rule (RFC 6887 section 8.5): both clocks go on alike, within a sixteenth and 2 s.</summary>
    /// <returns>True if the server has lost its state since the last call.</returns>
    public bool HasRestartedPcp(uint epoch, Instant now)
    {
        if (!TryTake(epoch, now, out double server, out double client))
            return false;
        return server < -1 || client + 2 < server - (server / 16) || server + 2 < client - (client / 16);
    }

    /// <summary>NAT-PMP's rule (RFC 6886 section 3.6): not more than 2 s behind seven eighths of our own clock.</summary>
    /// <returns>True if the router has lost its state since the last call.</returns>
    public bool HasRestartedNatPmp(uint epoch, Instant now) =>
        TryTake(epoch, now, out double server, out double client) && server + 2 < client * 7 / 8;

    /// <summary>The seconds that both clocks went on since the last call; false at the first one.</summary>
    private bool TryTake(long epoch, Instant now, out double server, out double client)
    {
        bool known = _heardAt.IsSet;
        server = epoch - _epoch;
        client = known ? (now - _heardAt).TotalSeconds : 0;
        _epoch = epoch;
        _heardAt = now;
        return known;
    }
}
