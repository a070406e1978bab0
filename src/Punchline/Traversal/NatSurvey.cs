using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Traversal;

/// <summary>
/// Finds out of which kind the NATs on our way out are, with as few mappings as it takes: what servers see of the main socket is there anyway; one
/// fresh socket tells how they filter, and only where they map by destination some more tell how they find ports. Driver thread only.
/// </summary>
/// <param name="loop">Carries the questions.</param>
/// <param name="randomness">For them.</param>
/// <param name="open">Opens an extra socket towards an address; null if the system gives none.</param>
/// <param name="found">Told each new report.</param>
internal sealed class NatSurvey(EndpointLoop loop, IRandomness randomness, Func<UdpAddress, IUdpSocket?> open, Action<NatReport> found)
{
    /// <summary>One more than is needed, for one answer that is lost.</summary>
    internal const int SampleSockets = PortSamples.Enough + 1;

    /// <summary>Servers, and ports of servers, whose word is kept.</summary>
    private const int MaxObservations = 8;

    /// <summary>How long after the plain answer the one from the other port may come: it takes the same way.</summary>
    private static readonly TimeSpan FilterPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>A socket for the question about filtering that no answer came to is closed then.</summary>
    private static readonly TimeSpan FilterLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long samples are waited for.</summary>
    private static readonly TimeSpan SamplePatience = TimeSpan.FromSeconds(2);

    private readonly List<NatObservation> _seen = [];
    private IUdpSocket? _socket;
    private UdpAddress _server;
    private bool _hasAlternate;
    private bool _triedFilter;
    private bool _tookSamples;
    private int _round;
    private NatFiltering _filtering;
    private ushort[] _samples = [];

    /// <summary>The main socket's address as a server saw it last; none if none has.</summary>
    public UdpAddress Mapped { get; private set; }

    /// <summary>A server is reached from this socket, and may be asked.</summary>
    /// <param name="socket">The main socket of the server's family.</param>
    /// <param name="server">Its main port.</param>
    /// <param name="hasAlternate">It has a second port to answer from.</param>
    public void Begin(IUdpSocket socket, in UdpAddress server, bool hasAlternate)
    {
        // It is over IPv4 that there are NATs to know: whichever servers are used beside, what is known of them stays. Where no UDP comes back
        // over IPv4 nothing is known.
        if (_seen.Count > 0 && _socket is { LocalAddress.IsIPv4: true } && !socket.LocalAddress.IsIPv4)
            return;
        if (_socket is not null && _socket != socket)
            Forget();
        (_socket, _server, _hasAlternate) = (socket, server, hasAlternate);
        TryFilter();
        Conclude();
    }

    /// <summary>A server saw the socket.</summary>
    public void OnSeen(IUdpSocket socket, in UdpAddress server, in UdpAddress mapped)
    {
        if (_socket is not null && _socket != socket)
            return;
        UdpAddress asked = server;
        _seen.RemoveAll(known => known.Server == asked);
        if (_seen.Count == MaxObservations)
            _seen.RemoveAt(0);
        _seen.Add(new NatObservation(server, mapped));
        Mapped = mapped;
        Conclude();
    }

    /// <summary>The network is another one.</summary>
    public void Forget()
    {
        _round++;
        (_socket, _server) = (null, default);
        _seen.Clear();
        _triedFilter = _tookSamples = false;
        _filtering = NatFiltering.Unknown;
        _samples = [];
    }

    /// <summary>Asks a server where it sees a socket.</summary>
    /// <param name="socket">One of the loop's.</param>
    /// <param name="seen">Told once, if an answer comes.</param>
    public void AskMapped(IUdpSocket socket, Action<UdpAddress> seen)
    {
        if (_server.IsNone)
            return;
        Ask(socket, new StunBinding(_server, randomness), result => seen(result.Mapped));
    }

    // RFC 5780 section 4.4 on a socket of its own: the main one has sent to the server's other port, and so opened the way for it.
    private void TryFilter()
    {
        if (_triedFilter || !_hasAlternate || open(_server) is not { } socket)
            return;
        _triedFilter = true;
        int round = _round;
        bool? fromOtherPort = null;
        After(FilterLimit, () => Close(socket));
        Ask(socket, new StunBinding(_server, randomness, StunChange.Port), _ => fromOtherPort = true, refused: () => round = -1);
        AskMapped(socket, _ => After(FilterPatience, () =>
        {
            Close(socket);
            if (round != _round)
                return;
            _filtering = NatReport.FilteringFrom(null, fromOtherPort ?? false);
            Conclude();
        }));
    }

    private void TakeSamples()
    {
        _tookSamples = true;
        int round = _round;
        var sockets = new List<IUdpSocket>();
        var ports = new ushort[SampleSockets];
        for (int i = 0; i < SampleSockets && open(_server) is { } socket; i++)
        {
            int place = i;
            sockets.Add(socket);
            AskMapped(socket, mapped =>
            {
                ports[place] = mapped.Port;
                if (Array.TrueForAll(ports, port => port != 0))
                    End();
            });
        }
        After(SamplePatience, End);

        void End()
        {
            if (sockets.Count == 0)
                return;
            foreach (IUdpSocket socket in sockets)
                Close(socket);
            sockets.Clear();
            if (round != _round)
                return;
            _samples = [.. ports.Where(port => port != 0)];
            Conclude();
        }
    }

    private void Conclude()
    {
        if (_seen.Count == 0)
            return;
        UdpAddress local = RouteLookup.LocalAddressFor(_seen[0].Server);
        if (!local.IsNone && _socket is not null)
            local = local.WithPort(_socket.LocalAddress.Port);
        NatReport report = NatReport.From(local, [.. _seen], _filtering, _samples);
        if (!_tookSamples && !_server.IsNone && report.VariesByDestination)
            TakeSamples();
        found(report);
    }

    private void Ask(IUdpSocket socket, StunBinding question, Action<StunBindingResult> answered, Action? refused = null) =>
        loop.AddClient(socket, WatchedClient.Asking(question, ended =>
        {
            if (ended.State == StunBindingState.Succeeded)
                answered(ended.Result);
            else
                refused?.Invoke();
        }));

    // After this turn: it may be the one that is being read.
    private void Close(IUdpSocket socket) => loop.Post(new ActionWorkItem(_ => loop.RemoveSocket(socket)));

    private void After(TimeSpan time, Action action) => loop.AddTimer(new OneShot(loop, loop.Now + time, action));

    private sealed class OneShot(IDriver driver, Instant at, Action action) : IDriverTimer
    {
        public Instant NextTimeout => at;

        public void OnTimeout(Instant now)
        {
            driver.RemoveTimer(this);
            action();
        }
    }
}
