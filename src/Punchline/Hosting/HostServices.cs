using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Punchline.Protocol;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>What a host shares: ids that travel, addresses that do not, and whether anybody listens there.</summary>
internal sealed class HostServices
{
    /// <summary>A name that stands for a UDP service is looked up again after this: home routers change addresses seldom.</summary>
    private static readonly TimeSpan ResolveAgain = TimeSpan.FromSeconds(60);

    /// <summary>How often a service that nobody listens for is looked at again.</summary>
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

    /// <summary>Looks at each service and says what is missing, until everything was there once; keeps names looked up.</summary>
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
        bool said = false;
        while (!stop.IsCancellationRequested)
        {
            bool there = spec.Protocol == ServiceProtocol.Tcp ? await AnswersAsync(spec, stop).ConfigureAwait(false) : HasUdpListener(spec);
            if (stop.IsCancellationRequested)
                return;
            if (there)
            {
                if (said)
                    events.Notice($"{spec.Name}: something listens on {where} now.");
                return;
            }
            if (!said)
                events.Problem(ProblemCode.ServiceDown, $"{spec.Name}: nothing listens on {where} yet; I will keep trying.");
            said = true;
            await Task.Delay(LookAgain, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

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

    // Without sending it anything. What is not on this machine, or where the system does not tell, is taken to be there.
    private static bool HasUdpListener(ServiceSpec spec)
    {
        if (!IPAddress.TryParse(spec.Address, out IPAddress? address) || !IPAddress.IsLoopback(address))
            return true;
        try
        {
            return Array.Exists(IPGlobalProperties.GetIPGlobalProperties().GetActiveUdpListeners(), listener => listener.Port == spec.Port);
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            return true;
        }
    }

    private static EndPoint EndPointOf(ServiceSpec spec) =>
        IPAddress.TryParse(spec.Address, out IPAddress? address) ? new IPEndPoint(address, spec.Port) : new DnsEndPoint(spec.Address, spec.Port);

    private sealed class Service(ServiceSpec spec)
    {
        private volatile TunnelService? _current = spec.Protocol == ServiceProtocol.Tcp || IPAddress.TryParse(spec.Address, out _)
            ? new TunnelService(spec.Protocol == ServiceProtocol.Udp, EndPointOf(spec))
            : null;

        public ServiceSpec Spec { get; } = spec;

        public TunnelService? Current
        {
            get => _current;
            set => _current = value;
        }
    }
}
