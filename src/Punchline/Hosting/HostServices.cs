using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Threading.Channels;
using Punchline.Protocol;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>What a host shares: ids that travel, addresses that do not, and whether anybody listens there.</summary>
internal sealed class HostServices
{
    /// <summary>A name that stands for a UDP service is looked up again after this: home routers change addresses seldom.</summary>
    private static readonly TimeSpan ResolveAgain = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How often a service is looked at again that was not there. One that was seen is left alone, as games log each connection; it is looked
    /// at again only after a friend could not be connected to it.
    /// </summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);

    /// <summary>A local service answers at once; one elsewhere on the LAN may be asleep.</summary>
    private static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(2);

    private readonly Service[] _services;
    private readonly TimeProvider _time;

    public HostServices(IReadOnlyList<ServiceSpec> specs, TimeProvider time)
    {
        _time = time;
        _services = [.. specs.Select(spec => new Service(spec))];
        Infos = [.. specs.Select((spec, index) => new ServiceInfo(IdOf(index), spec.Protocol, (ushort)spec.Port, spec.Name))];
    }

    /// <summary>As SERVICES tells them.</summary>
    public IReadOnlyList<ServiceInfo> Infos { get; }

    /// <summary>A service by its id; null if there is none, or its name is not known yet.</summary>
    public TunnelService? Find(ulong id) => TryFind(id)?.Current;

    /// <summary>Its name for people.</summary>
    public string NameOf(ulong id) => TryFind(id)?.Spec.Name ?? "an unknown service";

    /// <summary>A friend could not be connected: looks again until it is there, and says so then. From any thread.</summary>
    public void OnRefused(ulong id) => TryFind(id)?.Refused.Writer.TryWrite(true);

    /// <summary>Looks at each service and says what is missing, until it is there; keeps names looked up.</summary>
    public Task WatchAsync(EventSink events, CancellationToken stop) =>
        Task.WhenAll(_services.Select(service => Task.WhenAll(ResolveAsync(service, stop), LookAsync(service, events, stop))));

    private static ulong IdOf(int index) => (ulong)index + 1;

    private Service? TryFind(ulong id) => id - 1 < (ulong)_services.Length ? _services[id - 1] : null;

    private async Task ResolveAsync(Service service, CancellationToken stop)
    {
        // TCP looks a name up for each connection; a UDP flow begins on the driver thread, which cannot wait for that.
        if (service.Spec.Protocol != ServiceProtocol.Udp || service.Current is not null)
            return;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                IPAddress[] addresses = await Dns.GetHostAddressesAsync(service.Spec.Address, stop).ConfigureAwait(false);
                if (addresses.Length > 0)
                    service.Current = new TunnelService(IsUdp: true, new IPEndPoint(addresses[0], service.Spec.Port));
            }
            catch (SocketException)
            {
                // Not known now: what was known before stays, and whoever looks at the service says so.
            }
            await Task.Delay(ResolveAgain, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(Service service, EventSink events, CancellationToken stop)
    {
        ServiceSpec spec = service.Spec;
        string where = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{spec.Address}:{spec.Port}");
        bool missed = false;
        while (!stop.IsCancellationRequested)
        {
            bool? there = spec.Protocol == ServiceProtocol.Tcp ? await IsTcpThereAsync(spec, stop).ConfigureAwait(false) : HasListener(spec);
            if (there is null || stop.IsCancellationRequested)
                return;
            if (there is true)
            {
                if (missed)
                    events.Notice($"{spec.Name}: something listens on {where} now.");
                // Refusals from before it was seen are settled.
                service.Refused.Reader.TryRead(out _);
                await ((Task)service.Refused.Reader.ReadAsync(stop).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            else if (!missed)
            {
                events.Problem(ProblemCode.ServiceDown, $"{spec.Name}: nothing listens on {where} yet; I will keep trying.");
            }
            // Of a refusal people have heard already, with the friend's name.
            missed = true;
            await Task.Delay(LookAgain, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What the system's own list shows need not be connected to. A listener that is not in it may still be there (another network
    // namespace, a translated address); nobody is there to log the attempt if not.
    private async Task<bool?> IsTcpThereAsync(ServiceSpec spec, CancellationToken stop) =>
        HasListener(spec) is true || await AnswersAsync(spec, stop).ConfigureAwait(false);

    private async Task<bool> AnswersAsync(ServiceSpec spec, CancellationToken stop)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var timeout = new CancellationTokenSource(LookTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, timeout.Token);
        try
        {
            await socket.ConnectAsync(EndPointOf(spec), both.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    // By the system's own list, without sending anything; null for what is not on this machine, and where the system does not tell.
    private static bool? HasListener(ServiceSpec spec)
    {
        if (!IPAddress.TryParse(spec.Address, out IPAddress? address) || !IPAddress.IsLoopback(address))
            return null;
        try
        {
            var properties = IPGlobalProperties.GetIPGlobalProperties();
            IPEndPoint[] listeners = spec.Protocol == ServiceProtocol.Tcp ? properties.GetActiveTcpListeners() : properties.GetActiveUdpListeners();
            // The wildcard of IPv6 may take IPv4 too.
            return Array.Exists(listeners, l => l.Port == spec.Port && (l.Address.Equals(address) || l.Address.Equals(IPAddress.IPv6Any)
                || (l.Address.Equals(IPAddress.Any) && address.AddressFamily == AddressFamily.InterNetwork)));
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    private static EndPoint EndPointOf(ServiceSpec spec) =>
        IPAddress.TryParse(spec.Address, out IPAddress? address) ? new IPEndPoint(address, spec.Port) : new DnsEndPoint(spec.Address, spec.Port);

    private sealed class Service(ServiceSpec spec)
    {
        private volatile TunnelService? _current = spec.Protocol == ServiceProtocol.Tcp || IPAddress.TryParse(spec.Address, out _)
            ? new TunnelService(spec.Protocol == ServiceProtocol.Udp, EndPointOf(spec))
            : null;

        /// <summary>A friend could not be connected; many times are one.</summary>
        public Channel<bool> Refused { get; } = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public ServiceSpec Spec { get; } = spec;

        public TunnelService? Current
        {
            get => _current;
            set => _current = value;
        }
    }
}
