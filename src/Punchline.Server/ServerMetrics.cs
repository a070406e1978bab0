using Prometheus;
using Punchline.Server.Relay;

namespace Punchline.Server;

/// <summary>The server's figures for Prometheus, in a registry of their own (docs/operate.md). No label ever names a peer.</summary>
internal sealed class ServerMetrics
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();

    public ServerMetrics()
    {
        MetricFactory factory = Metrics.WithCustomRegistry(_registry);
        Registrations = factory.CreateCounter("punchline_registrations_total", "Hosts that registered.");
        Opened = factory.CreateCounter("punchline_pairs_opened_total", "Pairs that clients opened.");
        Refused = factory.CreateCounter("punchline_refused_total", "Requests on control channels that were refused.", ["reason"]);
        _hosts = factory.CreateGauge("punchline_hosts", "Hosts registered now.");
        _pairs = factory.CreateGauge("punchline_pairs", "Pairs open now.");
        _channels = factory.CreateGauge("punchline_channels", "Control channels open now.");
        _datagrams = factory.CreateCounter("punchline_relay_datagrams_total", "Datagrams forwarded.");
        _bytes = factory.CreateCounter("punchline_relay_bytes_total", "Bytes forwarded, in UDP payloads.");
        _batches = factory.CreateCounter("punchline_relay_batches_total", "Batches in which they were forwarded.");
        _limits = factory.CreateCounter("punchline_relay_limits_total", "Pairs that were told that a quota is used up.");
        _dropped = factory.CreateCounter("punchline_udp_dropped_total", "Datagrams and relay frames dropped.", ["reason"]);
        _stun = factory.CreateCounter("punchline_stun_requests_total", "STUN requests answered.");
    }

    private readonly Gauge _hosts;
    private readonly Gauge _pairs;
    private readonly Gauge _channels;
    private readonly Counter _datagrams;
    private readonly Counter _bytes;
    private readonly Counter _batches;
    private readonly Counter _limits;
    private readonly Counter _dropped;
    private readonly Counter _stun;

    public Counter Registrations { get; }

    public Counter Opened { get; }

    public Counter Refused { get; }

    /// <summary>Reads gauges and the UDP loop's counters whenever somebody asks.</summary>
    public void Observe(Func<(int Hosts, int Pairs, int Channels)> now, RelayCounters udp, ChannelInbox inbox) => _registry.AddBeforeCollectCallback(() =>
    {
        (int hosts, int pairs, int channels) = now();
        _hosts.Set(hosts);
        _pairs.Set(pairs);
        _channels.Set(channels);
        _datagrams.IncTo(Volatile.Read(ref udp.Forwarded));
        _bytes.IncTo(Volatile.Read(ref udp.ForwardedBytes));
        _batches.IncTo(Volatile.Read(ref udp.Batches));
        _limits.IncTo(Volatile.Read(ref udp.Limits));
        _stun.IncTo(Volatile.Read(ref udp.Stun));
        _dropped.WithLabels("unknown_handle").IncTo(Volatile.Read(ref udp.UnknownHandle));
        _dropped.WithLabels("not_bound").IncTo(Volatile.Read(ref udp.NotBound));
        _dropped.WithLabels("over_limit").IncTo(Volatile.Read(ref udp.OverLimit));
        _dropped.WithLabels("queue_full").IncTo(Volatile.Read(ref udp.QueueFull) + inbox.Dropped);
        _dropped.WithLabels("bad_bind").IncTo(Volatile.Read(ref udp.BadBind));
        _dropped.WithLabels("malformed").IncTo(Volatile.Read(ref udp.Malformed));
        _dropped.WithLabels("send_failed").IncTo(Volatile.Read(ref udp.SendFailed));
    });

    /// <summary>The text that Prometheus reads.</summary>
    public Task WriteAsync(Stream destination, CancellationToken cancellationToken) => _registry.CollectAndExportAsTextAsync(destination, cancellationToken);
}
