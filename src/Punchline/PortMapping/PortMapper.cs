using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.PortMapping;

/// <summary>What has become of the mapping: news for its user.</summary>
/// <param name="Mapping">The mapping that stands; null for none.</param>
/// <param name="Detail">What happened, for whoever looks for a fault.</param>
internal readonly record struct MapperNews(Mapping? Mapping, string Detail);

/// <summary>What a mapper is made of.</summary>
internal sealed record PortMapperOptions
{
    public required TimeProvider Time { get; init; }

    /// <summary>The router now; null if there is none.</summary>
    public required Func<Gateway?> FindGateway { get; init; }

    /// <summary>Every protocol towards a router, best first, for a port of ours.</summary>
    public required Func<Gateway, ushort, IReadOnlyList<IMapper>> Protocols { get; init; }

    /// <summary>Is told the news, on a thread of the pool, one at a time.</summary>
    public required Action<MapperNews> Told { get; init; }

    /// <summary>Is told of a mistake of ours, which ends the mapper.</summary>
    public required Action<Exception> Failed { get; init; }
}

/// <summary>
/// Keeps one UDP port of ours mapped at the router on our way out: asks by every protocol at once, takes the best that gives one,
/// renews it at half its lifetime, looks again when the network changes, and gives it back at the end.
/// <code>
///  no router, or none wanted ──change──▶ asking ──granted──▶ standing ──half its lifetime──▶ renewing
///                                          │ ▲                 │  └── other router, rejected, lost ──▶ given back, asking
///                                  nothing │ └ 15 min, change  └── end ──▶ given back within a second
/// </code>
/// </summary>
internal sealed class PortMapper : IAsyncDisposable
{
    private readonly PortMapperOptions _options;
    private readonly MonotonicClock _clock;
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _gate = new();
    private readonly HashSet<(MappingProtocol Protocol, UdpAddress External)> _rejected = [];
    private readonly Task _running;
    private ushort _port;

    /// <summary>A mapper that maps nothing yet.</summary>
    public PortMapper(PortMapperOptions options)
    {
        _options = options;
        _clock = new MonotonicClock(options.Time);
        _running = Task.Run(RunToEndAsync);
    }

    /// <summary>From now on this port is wanted, 0 for none; and the network may be another one. From any thread.</summary>
    public void Follow(ushort port)
    {
        lock (_gate)
        {
            _port = port;
            _rejected.Clear();
            Wake();
        }
    }

    /// <summary>This mapping is untrue: it is given back, and the other protocols are asked. From any thread.</summary>
    public void Reject(in Mapping mapping)
    {
        lock (_gate)
        {
            _rejected.Add((mapping.Protocol, mapping.External));
            Wake();
        }
    }

    /// <summary>Gives the mapping back, within <see cref="MappingLimits.ReleaseTime"/>, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ending.IsCancellationRequested)
            return;
        await _ending.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _ending.Dispose();
        _wake.Dispose();
    }

    private void Wake()
    {
        if (_wake.CurrentCount == 0)
            _wake.Release();
    }

    private async Task RunToEndAsync()
    {
        try
        {
            while (true)
            {
                ushort port = TakePort();
                if (port != 0 && _options.FindGateway() is { } gateway && await StayAsync(gateway, port, _ending.Token).ConfigureAwait(false))
                    continue;
                if (await WaitAsync(MappingLimits.AskAgain, _ending.Token).ConfigureAwait(false))
                    continue;
                lock (_gate)
                    _rejected.Clear();
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // Ended as asked.
        }
        catch (Exception e)
        {
            // Nothing above this task could see it.
            _options.Failed(e);
        }
    }

    private ushort TakePort()
    {
        lock (_gate)
        {
            // What it was woken for is seen now.
            _wake.Wait(0);
            return _port;
        }
    }

    /// <summary>A protocol that told an untruth is asked no more until something changes.</summary>
    private IMapper[] Wanted(IReadOnlyList<IMapper> all)
    {
        lock (_gate)
            return [.. all.Where(one => !_rejected.Any(rejected => rejected.Protocol == one.Protocol))];
    }

    /// <summary>Gets a mapping and keeps it.</summary>
    /// <returns>True to look again at once.</returns>
    private async Task<bool> StayAsync(Gateway gateway, ushort port, CancellationToken stop)
    {
        IReadOnlyList<IMapper> all = _options.Protocols(gateway, port);
        try
        {
            IMapper[] wanted = Wanted(all);
            if (wanted is [])
                return false;
            (IMapper? mapper, Mapping mapping) = await new ProtocolChoice(gateway, wanted, _options.Time, _options.Told).AcquireAsync(stop).ConfigureAwait(false);
            if (mapper is null)
                return false;
            string why = await HoldAsync(mapper, mapping, gateway, port, stop).ConfigureAwait(false);
            Tell(null, $"the port mapping {mapping.External} is gone: {why}");
            return true;
        }
        finally
        {
            // Also what was asked for without an answer, by whichever protocol.
            await Task.WhenAll(all.Select(one => MappingProtocols.GiveBackAsync(one, _options.Time))).ConfigureAwait(false);
            foreach (IMapper one in all)
                one.Dispose();
        }
    }

    /// <summary>Renews until it is no longer to be had, or no longer wanted.</summary>
    /// <returns>Why it has ended.</returns>
    private async Task<string> HoldAsync(IMapper mapper, Mapping mapping, Gateway gateway, ushort port, CancellationToken stop)
    {
        Instant expires = Expiry(mapping);
        while (true)
        {
            TimeSpan half = (expires.IsSet ? expires - _clock.Now : MappingLimits.Lease) / 2;
            bool woken = await WaitAsync(half > MappingLimits.LeastBetweenRenewals ? half : MappingLimits.LeastBetweenRenewals, stop).ConfigureAwait(false);
            lock (_gate)
            {
                if (_port != port)
                    return "it is not wanted any more";
                if (_rejected.Contains((mapping.Protocol, mapping.External)))
                    return "it is not true";
            }
            if (woken && _options.FindGateway() != gateway)
                return "the network is another one";
            MappingReply reply = await mapper.MapAsync(stop).ConfigureAwait(false);
            if (reply.Outcome == MappingOutcome.Refused || (reply.Outcome == MappingOutcome.Silent && _clock.Now >= expires))
                return MappingText.Why(reply);
            if (reply.Outcome == MappingOutcome.Silent)
            {
                // One that stands until it is taken back has no end to wait for.
                expires = Instant.Min(expires, _clock.Now + MappingLimits.Lease);
                continue;
            }
            expires = Expiry(reply.Mapping);
            bool isNew = reply.Mapping.External != mapping.External;
            mapping = reply.Mapping;
            // Said once more after a change of the network, which may have changed what is to be thought of it.
            if (isNew || woken || reply.Restarted)
                Tell(mapping, $"{MappingText.Of(mapper.Protocol)} {(reply.Restarted ? "was restarted and" : "still")} maps {mapping.External} {MappingText.Lifetime(mapping)}");
        }
    }

    /// <summary>Waits.</summary>
    /// <returns>True if somebody has something new; false if the time is over.</returns>
    private async Task<bool> WaitAsync(TimeSpan time, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using ITimer timer = _options.Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), over, time, Timeout.InfiniteTimeSpan);
        try
        {
            await _wake.WaitAsync(over.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private Instant Expiry(in Mapping mapping) => mapping.Lifetime == TimeSpan.Zero
        ? Instant.Never
        : _clock.Now + (mapping.Lifetime < MappingLimits.LongestLease ? mapping.Lifetime : MappingLimits.LongestLease);

    private void Tell(Mapping? mapping, string detail) => _options.Told(new MapperNews(mapping, detail));
}
