using Punchline.Endpoint;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>
/// Has the port of our IPv4 socket mapped while there is a NAT to map it at, believes what the router says as far as a server confirms
/// it, and offers it to peers as a candidate. Driver thread only, but for its end, which comes after the driver's: what is on its way to
/// peers leaves by the mapping.
/// </summary>
internal sealed class MappedPort(TimeProvider time, EventSink events) : IAsyncDisposable
{
    private readonly HashSet<string> _said = [];
    private PeerNode _node = null!;
    private PortMapper? _mapper;
    private UdpAddress _seen;
    private ushort _port;
    private Mapping? _mapping;
    private (IUdpSocket Socket, IDatagramClient Client)? _check;

    /// <summary>The router now; null if there is none. Any thread.</summary>
    public Func<Gateway?> FindGateway { get; init; } = MappingProtocols.FindGateway;

    /// <summary>Every protocol to ask it by for one of our ports. Any thread.</summary>
    public Func<Gateway, ushort, IRandomness, IReadOnlyList<IMapper>> Protocols { get; init; } =
        (gateway, port, randomness) => MappingProtocols.All(gateway, port, time, randomness);

    /// <summary>Begins as soon as a server has said that there is a NAT.</summary>
    public void Begin(PeerNode node)
    {
        _node = node;
        _mapper = new PortMapper(new PortMapperOptions
        {
            Time = time,
            FindGateway = FindGateway,
            Protocols = (gateway, port) => Protocols(gateway, port, node.Randomness),
            Told = news => node.Driver.Post(new ActionWorkItem(_ => OnNews(news))),
            Failed = error =>
            {
                HostingLog.PortMapperFailed(node.Logger, error);
                events.Problem(ProblemCode.Internal, $"Port mapping failed, and ends: {error.Message} Please report this.");
            },
        });
        node.WayOut.Changed += OnNatKnown;
        node.NetworkChanged += LookAgain;
        OnNatKnown();
    }

    /// <summary>Gives the port back.</summary>
    public ValueTask DisposeAsync() => _mapper?.DisposeAsync() ?? ValueTask.CompletedTask;

    private void OnNews(in MapperNews news)
    {
        events.Detail(news.Detail);
        _mapping = news.Mapping;
        Judge();
    }

    private void OnNatKnown()
    {
        UdpAddress seen = _node.Candidates.Current.FirstOrDefault(c => c.Kind == CandidateKind.ServerReflexive && c.Address.IsIPv4).Address;
        bool moved = !seen.SameHost(_seen);
        _seen = seen;
        // Nothing to ask for without a NAT, nor towards a server on this machine, nor before one has said where we are.
        bool wanted = !seen.IsNone && !seen.IsLoopback && _node.WayOut.Nat.IsTranslated != false;
        ushort port = wanted ? _node.Sockets.All.FirstOrDefault(socket => socket.LocalAddress.IsIPv4)?.LocalAddress.Port ?? 0 : (ushort)0;
        if (port == _port && !moved)
            return;
        _port = port;
        // What stands was told for where we were; the mapper asks again, and tells what stands now.
        _mapping = null;
        Judge();
        _mapper!.Follow(port);
    }

    private void LookAgain() => _mapper!.Follow(_port);

    private void Judge()
    {
        EndCheck();
        if (_mapping is not { } mapping)
        {
            _node.Candidates.SetMapped(default);
            return;
        }
        switch (MappingVerdicts.Of(mapping.External, _seen))
        {
            case MappingVerdict.Believed:
                _node.Candidates.SetMapped(mapping.External);
                Check(mapping);
                break;
            case MappingVerdict.Private:
                _node.Candidates.SetMapped(mapping.External);
                SayOnce($"The router maps a port, but of the private address {mapping.External.ToIPAddress()}: there is another NAT beyond it, "
                    + "of the provider or of a second router. It helps only towards friends behind that same NAT.");
                break;
            case MappingVerdict.Elsewhere:
                Disbelieve(mapping, $"The router maps a port of {mapping.External.ToIPAddress()}, but the server sees this side at {_seen.ToIPAddress()}: "
                    + "there is another NAT beyond the router, or another way out. The mapping is of no use.");
                break;
            default:
                Disbelieve(mapping, $"The router maps {mapping.External}, where nobody can send to. The mapping is of no use.");
                break;
        }
    }

    /// <summary>
    /// Has the server send to the mapped port. Where servers see us at that very port already, our own datagrams have opened it, and the
    /// answer would prove nothing; but then the candidate is the one that they see, and nothing hangs on it.
    /// </summary>
    private void Check(Mapping mapping)
    {
        if (_node.Candidates.IsReflexive(mapping.External) || _node.Servers.Way is not { } way)
            return;
        var check = new MappingCheck(way.Server, mapping.External.Port, _node.Randomness);
        bool isTold = false;
        var client = new WatchedClient(check, () =>
        {
            if (isTold || check.Outcome == MappingCheckOutcome.Pending)
                return;
            isTold = true;
            // Inside the client's own call: it goes, or is followed by another, behind that.
            _node.Driver.Post(new ActionWorkItem(_ => OnChecked(mapping, check.Outcome)));
        });
        _check = (way.Socket, client);
        _node.Loop.AddClient(way.Socket, client);
    }

    private void OnChecked(in Mapping mapping, MappingCheckOutcome outcome)
    {
        if (_mapping != mapping)
            return;
        EndCheck();
        if (outcome == MappingCheckOutcome.Open)
            events.Detail($"the mapped port {mapping.External} is open: a server's answer came through it");
        else if (outcome == MappingCheckOutcome.Shut)
            Disbelieve(mapping, $"The router maps {mapping.External}, but nothing comes through: another firewall may be in the way. The mapping is of no use.");
        else if (outcome == MappingCheckOutcome.Unheard)
            Check(mapping);
    }

    private void EndCheck()
    {
        if (_check is { } check)
            _node.Loop.RemoveClient(check.Socket, check.Client);
        _check = null;
    }

    private void Disbelieve(in Mapping mapping, string why)
    {
        _node.Candidates.SetMapped(default);
        SayOnce(why);
        _mapper!.Reject(mapping);
    }

    // Each protocol may say the same, and every renewal.
    private void SayOnce(string why)
    {
        if (_said.Add(why))
            events.Notice(why);
    }
}
