using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>
/// Looks for ways out again for some seconds after the machine's network changed: systems tell of an address before the route that
/// goes over it is there, and nothing tells of the route.
/// </summary>
/// <param name="reroute">Gives every connection the ways that there are now; the argument tells the machine's own addresses.</param>
internal sealed class RouteSettling(Action<Func<UdpAddress, bool>> reroute) : IDriverTimer
{
    /// <summary>A route follows its address at once, as a rule.</summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(125);

    /// <summary>The last look is some eight seconds after the change: by then DHCP has done its work.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(4);

    private Func<UdpAddress, bool> _isOurs = static _ => true;
    private TimeSpan _pause;

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; } = Instant.Never;

    /// <summary>The network changed: looks now, and again later.</summary>
    public void Begin(Func<UdpAddress, bool> isOurs, Instant now)
    {
        _isOurs = isOurs;
        _pause = FirstPause;
        NextTimeout = now + _pause;
        reroute(isOurs);
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        _pause *= 2;
        NextTimeout = _pause <= LongestPause ? now + _pause : Instant.Never;
        reroute(_isOurs);
    }
}
