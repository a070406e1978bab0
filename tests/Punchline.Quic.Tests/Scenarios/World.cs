using Punchline.Quic.Streams;
using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>How a run went.</summary>
/// <param name="IsDone">All work was done on the first connection.</param>
/// <param name="Fingerprint">A hash over its event log, if it had one.</param>
/// <param name="WasDirect">Data took a direct path at some time.</param>
/// <param name="LargestBuffered">The most memory for stream data that a connection had, in bytes.</param>
/// <param name="LargestTracked">The most packets that one remembered.</param>
/// <param name="BytesRead">Stream bytes that were read and right.</param>
/// <param name="Datagrams">Datagrams that were sent.</param>
internal sealed record Outcome(
    bool IsDone, string Fingerprint, bool WasDirect, long LargestBuffered, int LargestTracked, long BytesRead, long Datagrams);

/// <summary>Builds the network of a scenario, runs it, and checks what must hold.</summary>
/// <remarks>
/// The phases: work amid faults; if the connection died for a reason, a new one once all is well; perhaps a pause; the end.
/// </remarks>
internal sealed class World
{
    /// <summary>How often each side greets the relay, so that it is known there under its newest address.</summary>
    private static readonly TimeSpan GreetEvery = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A pause without work, and the datagrams that both sides may send in it: keep-alives, their answers, and three rounds of
    /// probing, each of nine probes for 64 paths at most: NATs that map by destination make many.
    /// </summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(40);
    private const int MostInPause = 3_500;

    /// <summary>Turns at one instant: a datagram's arrival may wake both sides some times, but not without end.</summary>
    private const int MostTurnsAtInstant = 200;

    /// <summary>Steps of the network in a whole run: some hundred times what the largest work needs.</summary>
    private const int MostSteps = 400_000;

    private readonly Scenario _scenario;
    private readonly SimulatedNetwork _network;
    private readonly Places _places;
    private readonly Inspector _clientInspector;
    private readonly Inspector _hostInspector;
    private readonly Workload _clientWork;
    private readonly Workload _hostWork;
    private readonly FaultPlayer _faults;
    private readonly Instant _start;
    private WorkLedger _ledger;
    private QuicConnection? _connection;
    private QuicConnection? _hostConnection;
    private bool _hasDied;
    private bool _isEnding;
    private bool _wasDirect;
    private int _steps;

    internal World(Scenario scenario, bool logs, TextWriter? mirror = null)
    {
        _scenario = scenario;
        _network = new SimulatedNetwork(scenario.Seed) { MaxStepsAtInstant = MostTurnsAtInstant };
        _network.Log.IsOn = logs;
        _network.Log.Mirror = mirror;
        _start = _network.Now;
        var transport = new QuicTransportOptions
        {
            Punch = !scenario.IsPlain,
            IdleTimeout = scenario.IdleTimeout,
            KeepAlive = TimeSpan.FromTicks(Math.Min(TimeSpan.FromSeconds(5).Ticks, scenario.IdleTimeout.Ticks / 3)),
            MaxStreamWindow = scenario.MaxStreamWindow,
            MaxConnectionWindow = scenario.MaxConnectionWindow,
            MaxBidirectionalStreams = scenario.MaxStreams,
            MaxUnidirectionalStreams = scenario.MaxStreams,
        };
        _clientWork = new Workload(_network, isClient: true) { Observer = OnClientEvent };
        _hostWork = new Workload(_network, isClient: false) { Observer = OnHostEvent };
        Client = new SimulatedPeer(_network, "client", scenario.Seed + 1, transport, null, _clientWork) { RelaysCarryData = scenario.DataOverRelay };
        Host = new SimulatedPeer(_network, "host", scenario.Seed + 2, transport, new AcceptAll(SimulatedIdentities.IdOf("client")), _hostWork)
        {
            RelaysCarryData = scenario.DataOverRelay,
        };
        _clientInspector = new Inspector(Client, scenario);
        _hostInspector = new Inspector(Host, scenario);
        _places = new Places(scenario, _network, Client, Host);
        _faults = new FaultPlayer(scenario, _network, _places, Client, Host) { OnRestart = OnRestart };
        _ledger = new WorkLedger(scenario.Works);
    }

    internal SimulatedPeer Client { get; }

    internal SimulatedPeer Host { get; }

    internal EventLog Log => _network.Log;

    internal Outcome Run()
    {
        _faults.Schedule(_start);
        if (!_scenario.IsPlain)
            Greet();
        Connect();
        bool isDone = Work();
        if (_hasDied)
            ComeBack();
        if (_scenario.IdlesBeforeEnd)
            Idle();
        Audit();
        End();
        return new Outcome(isDone, _network.Log.Fingerprint, _wasDirect,
            Math.Max(_clientInspector.LargestBuffered, _hostInspector.LargestBuffered),
            Math.Max(_clientInspector.LargestTracked, _hostInspector.LargestTracked), _ledger.BytesRead, _network.Sent);
    }

    private void Connect()
    {
        _hostConnection = null;
        _connection = Client.Connect(_places.ClientAddress, _places.ServerFor(Client), SimulatedIdentities.IdOf("host"));
    }

    /// <returns>True if all was done, false if the connection died for a reason that the scenario has.</returns>
    private bool Work()
    {
        TimeSpan limit = _scenario.HealedAt + _scenario.Patience;
        Until(() => _ledger.IsDone || _hasDied, limit, "progress", () => $"the work is not done {_scenario.Patience.TotalSeconds}s after all is well\n{_ledger.Unfinished}");
        if (!_hasDied)
        {
            // What was acknowledged last is still on its way: then nothing of the streams is left on either side.
            Until(() => _hasDied || (OpenStreams(Client) == 0 && OpenStreams(Host) == 0), limit, "stream leak",
                () => $"streams stay open: {OpenStreams(Client)} at the client, {OpenStreams(Host)} at the host");
        }
        bool mayDie = _scenario.MayDie || (_hostConnection is null && _scenario.MayMissTheHandshake);
        if (_hasDied && !mayDie)
            throw new ScenarioFailure("death", $"the connection ended for no reason\nclient: {_connection!.CloseError}\nhost: {_hostConnection?.CloseError}\n{_ledger.Unfinished}");
        return !_hasDied;
    }

    /// <summary>Once all is well, both sides have noticed that the old connection is gone, and a new one works.</summary>
    private void ComeBack()
    {
        RunUntil(() => false, Remaining(_scenario.HealedAt));
        Until(() => Client.Connections.Count == 0 && Host.Connections.Count == 0, LongestSilence, "ghost",
            () => $"a dead connection lives on: {Client.Connections.Count} at the client, {Host.Connections.Count} at the host");
        _hasDied = false;
        _places.Heal();
        _ledger = new WorkLedger([new Work(true, TimeSpan.Zero, 2, new Flow(5_000), new Flow(20_000), false, false)]);
        Connect();
        Until(() => _ledger.IsDone, _scenario.Patience, "return", () => $"no new connection works once all is well\nclient: {_connection!.CloseError}\n{_ledger.Unfinished}");
    }

    /// <summary>Nobody talks without end when there is nothing to say.</summary>
    private void Idle()
    {
        RunUntil(() => false, Remaining(_scenario.HealedAt));
        long before = _network.Sent;
        RunUntil(() => false, Pause);
        if (_network.Sent - before > MostInPause)
            throw new ScenarioFailure("chatter", $"{_network.Sent - before} datagrams in {Pause.TotalSeconds}s without work");
    }

    private void End()
    {
        RunUntil(() => !Client.IsAsleep && !Host.IsAsleep, _scenario.HealedAt);
        _isEnding = true;
        const ulong code = 42;
        Ending ending = _scenario.Ending;
        if (ending is Ending.ClientCloses or Ending.BothClose)
            _connection?.Close(Client.Now, code, "done");
        if (ending is Ending.HostCloses or Ending.BothClose)
        {
            // Work that nobody waits for can be over before the host knows its friend.
            RunUntil(() => _hostConnection is not null, _scenario.Patience);
            _hostConnection?.Close(Host.Now, code, "done");
        }
        Client.IsDead = ending == Ending.ClientDies;
        Host.IsDead = ending == Ending.HostDies;
        Until(() => (Client.IsDead || Client.Connections.Count == 0) && (Host.IsDead || Host.Connections.Count == 0), LongestSilence + _scenario.HealedAt, "ghost",
            () => $"a connection outlives its end: {Client.Connections.Count} at the client, {Host.Connections.Count} at the host");
        CheckLeftovers(Client);
        CheckLeftovers(Host);
        foreach (QuicConnection? connection in new[] { _connection, _hostConnection })
        {
            bool isDead = connection is null || (connection.IsClient ? Client : Host).IsDead;
            if (!isDead && connection!.CloseError is { IsApplication: true } error && error.Code != code)
                throw new ScenarioFailure("close", $"closed with {error}");
        }
    }

    private static void CheckLeftovers(SimulatedPeer peer)
    {
        if (!peer.IsDead && peer.Endpoint.ActiveConnectionIds != 0)
            throw new ScenarioFailure("leftovers", $"{peer.Name}: {peer.Endpoint.ActiveConnectionIds} connection ids without a connection");
    }

    /// <summary>
    /// By then each side knows that it is alone: the idle timeout, or three probe timeouts if they are longer (RFC 9000 section 10.1).
    /// Each of those is at most 15 s, even where a sleeper has made a round trip look long.
    /// </summary>
    private TimeSpan LongestSilence => _scenario.IdleTimeout + TimeSpan.FromSeconds(90);

    private TimeSpan Remaining(TimeSpan until) => TimeSpan.FromTicks(Math.Max(0, (_start + until - _network.Now).Ticks));

    private void OnClientEvent(QuicConnection connection, QuicEvent e)
    {
        if (connection != _connection)
            return;
        switch (e.Kind)
        {
            case QuicEventKind.Established:
                _clientWork.Begin(Client, connection, _ledger);
                _places.OnEstablished(Client, connection);
                break;
            case QuicEventKind.CandidateReceived:
                _places.TryCandidate(Client, connection, e.Candidate.Address);
                break;
            case QuicEventKind.PathChanged:
                _wasDirect |= !_scenario.IsPlain && e.Path!.Kind == PathKind.Direct;
                break;
            case QuicEventKind.Closed:
                OnClosed(e.Error!);
                break;
        }
    }

    private void OnHostEvent(QuicConnection connection, QuicEvent e)
    {
        switch (e.Kind)
        {
            case QuicEventKind.Established:
                _hostConnection = connection;
                _hostWork.Begin(Host, connection, _ledger);
                _places.OnEstablished(Host, connection);
                break;
            case QuicEventKind.CandidateReceived:
                _places.TryCandidate(Host, connection, e.Candidate.Address);
                break;
            case QuicEventKind.Closed when connection == _hostConnection:
                OnClosed(e.Error!);
                break;
        }
    }

    /// <summary>Silence and a peer without memory may end a connection; that one of ours breaks the protocol is never in order.</summary>
    private void OnClosed(QuicError error)
    {
        if (!_isEnding && (error.IsApplication || error.Code != (ulong)TransportErrorCode.NoError))
            throw new ScenarioFailure("close", $"the connection ended with {error}");
        _hasDied = true;
    }

    /// <summary>Who loses its connection so hears nothing of it. A host that had none yet is as good as new.</summary>
    private void OnRestart(bool atClient) => _hasDied |= !_isEnding && (atClient || _hostConnection is not null);

    /// <summary>Each side says to the relay where it is; a changed address is told to the peer, as its owner would.</summary>
    private void Greet()
    {
        _places.Greet();
        _network.Schedule(_network.Now + GreetEvery, Greet);
    }

    private static int OpenStreams(SimulatedPeer peer) => peer.Connections.Sum(static connection => connection.Streams().OpenStreamCount);

    private void Until(Func<bool> condition, TimeSpan limit, string check, Func<string> what)
    {
        if (!RunUntil(condition, limit))
            throw new ScenarioFailure(check, what());
    }

    private bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        try
        {
            return _network.RunUntil(() =>
            {
                _clientInspector.AfterStep();
                _hostInspector.AfterStep();
                if (++_steps > MostSteps)
                    throw new ScenarioFailure("livelock", $"{_steps} steps by {_network.Now}");
                return condition();
            }, limit);
        }
        catch (InvalidOperationException e)
        {
            throw new ScenarioFailure("livelock", e.Message.Split('\n')[0]);
        }
    }

    private void Audit()
    {
        _clientInspector.Audit();
        _hostInspector.Audit();
    }
}
