using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// What is known of mappings in the network that this machine is in, and the prober that finds it out. Remembered by network as long as the
/// program runs: on the disk it would tell where its user has been, and it costs nobody any time to learn it again. Driver thread only.
/// </summary>
internal sealed class NetworkLifetimes : IDriverTimer
{
    /// <summary>Networks that are remembered: home, work and a few others.</summary>
    private const int MaxNetworks = 16;

    /// <summary>Routers are replaced seldom; who comes back after a day finds out anew.</summary>
    private static readonly TimeSpan KnownFor = TimeSpan.FromDays(1);

    private readonly LifetimeProber _prober;
    private readonly Dictionary<string, MappingLifetime> _known = [];
    private string? _network;
    private bool _isIPv4;

    /// <param name="randomness">For the trials.</param>
    /// <param name="carry">See <see cref="LifetimeProber"/>.</param>
    public NetworkLifetimes(IRandomness randomness, Func<LifetimeTrial, Action?> carry) => _prober = new LifetimeProber(randomness, carry, Learn);

    /// <summary>There is a new <see cref="Current"/>.</summary>
    public event Action? Learnt;

    /// <summary>What is known here.</summary>
    public MappingLifetime Current { get; private set; } = MappingLifetime.Unknown;

    /// <summary>Something may still be learnt here.</summary>
    public bool IsSearching => _prober.IsSearching;

    /// <inheritdoc/>
    public Instant NextTimeout => _prober.NextTimeout;

    /// <inheritdoc/>
    public void OnTimeout(Instant now) => _prober.OnTimeout(now);

    /// <summary>A server answers over UDP: this network can be examined, if it is not known.</summary>
    /// <param name="server">Its main UDP address.</param>
    /// <param name="network">What tells this network from others.</param>
    /// <param name="now">The time.</param>
    public void OnServer(in UdpAddress server, string network, Instant now)
    {
        if (network == _network)
            return;
        _network = network;
        _isIPv4 = server.IsIPv4;
        _prober.Stop();
        bool isKnown = _known.TryGetValue(network, out MappingLifetime? known) && now - known.LearntAt < KnownFor;
        Set(isKnown ? known! : MappingLifetime.Unknown);
        // Whoever left in the midst of it goes on from there.
        if (!Current.IsComplete)
            _prober.Begin(server, Current, now);
    }

    /// <summary>The machine may be in another network.</summary>
    public void OnNetworkChanged()
    {
        _network = null;
        _prober.Stop();
        Set(MappingLifetime.Unknown);
    }

    /// <summary>The longest distance of keep-alives that keeps a mapping towards an address; null if it is not known.</summary>
    /// <remarks>IPv6 passes other boxes than IPv4 does.</remarks>
    public TimeSpan? KeepAliveTowards(in UdpAddress remote, MappingUse use) => remote.IsIPv4 == _isIPv4 ? Current.KeepAliveOf(use) : null;

    private void Learn(MappingLifetime lifetime)
    {
        if (_known.Count >= MaxNetworks && !_known.ContainsKey(_network!))
            _known.Remove(_known.MinBy(static entry => entry.Value.LearntAt.Ticks).Key);
        _known[_network!] = lifetime;
        Set(lifetime);
    }

    private void Set(MappingLifetime lifetime)
    {
        if (lifetime == Current)
            return;
        Current = lifetime;
        Learnt?.Invoke();
    }
}
