using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Traversal;
using Punchline.Udp;

namespace Punchline.Tests.Traversal;

/// <summary>Two peers behind simulated NATs, connected through a server, in virtual time.</summary>
internal sealed class MeetingPlace
{
    /// <summary>One way, directly; through the server twice as long.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    private readonly PriorityQueue<Action, (Instant At, int Order)> _due = new();
    private int _order;

    public MeetingPlace(
        NatBehavior client, NatBehavior host, ulong seed = 1, bool spraysClient = true, bool spraysHost = true, SprayGate? hostGate = null)
    {
        var random = new SeededRandomness(seed);
        Client = new Side(this, isClient: true, 1, client, random.Fork(1), new SprayGate(spraysClient));
        Host = new Side(this, isClient: false, 2, host, random.Fork(2), hostGate ?? new SprayGate(spraysHost));
        (Client.Other, Host.Other) = (Host, Client);
    }

    public static UdpAddress Server { get; } = UdpAddress.FromBytes([192, 0, 2, 1], 0, 3478);

    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromMinutes(1);

    public Side Client { get; }

    public Side Host { get; }

    public bool HaveMet => Client.Met && Host.Met;

    /// <summary>Both know of each other what servers and messages tell, and data takes the relay.</summary>
    public void Connect()
    {
        Client.Join();
        Host.Join();
    }

    /// <summary>Time passes until it has come true.</summary>
    public bool RunUntil(Func<bool> done, TimeSpan limit)
    {
        Instant end = Now + limit;
        while (!done() && Now < end)
        {
            Now += TimeSpan.FromMilliseconds(1);
            while (_due.TryPeek(out _, out (Instant At, int Order) first) && first.At <= Now)
                _due.Dequeue()();
            foreach (Side side in new[] { Client, Host })
            {
                if (side.Traversal.NextTimeout <= Now)
                    side.Traversal.OnTimeout(Now);
            }
        }
        return done();
    }

    public void RunFor(TimeSpan time) => RunUntil(static () => false, time);

    public void After(int delays, Action action) => _due.Enqueue(action, (Now + (delays * Delay), _order++));
}

/// <summary>One of them: sockets without a system, a NAT, and the record of what left.</summary>
internal sealed class Side : ITraversalLink
{
    private readonly MeetingPlace _place;
    private readonly NatBox _nat;
    private readonly byte _number;
    private readonly HashSet<IUdpSocket> _used = [];
    private int _nextPort = 30_000;

    public Side(MeetingPlace place, bool isClient, byte number, NatBehavior nat, SeededRandomness random, SprayGate gate)
    {
        _place = place;
        _number = number;
        Outside = UdpAddress.FromBytes([198, 51, 100, number], 0, 0);
        _nat = new NatBox(Outside, nat, random);
        Report = ReportOf(nat);
        Traversal = new PairTraversal(this, isClient, gate, Worked, random);
    }

    public Side Other { get; set; } = null!;

    public PairTraversal Traversal { get; }

    public WhatWorked Worked { get; } = new();

    /// <summary>The public address of its NAT.</summary>
    public UdpAddress Outside { get; }

    public NatReport Report { get; }

    public NatBox Nat => _nat;

    public bool Met => _used.Count > 0;

    public List<FakeSocket> Sockets { get; } = [];

    public List<(Instant At, UdpAddress To, byte TimeToLive)> Probes { get; } = [];

    public List<TunnelMessage> Heard { get; } = [];

    /// <summary>Messages to the peer pass through here; null loses one.</summary>
    public Func<TunnelMessage, TunnelMessage?> Alter { get; set; } = static message => message;

    public Instant Now => _place.Now;

    public TimeSpan RoundTrip => TimeSpan.FromMilliseconds(80);

    public void Join()
    {
        Traversal.SetOurs(Report, _nat.Outside.WithPort(50_000));
        Traversal.SetPeers(Other.Report);
        Traversal.SetPeerAddress(Other._nat.Outside.WithPort(50_000));
        Traversal.OnPath(new RelayPath(new RelayLink { Server = MeetingPlace.Server }, 1));
    }

    public void Send(TunnelMessage message)
    {
        if (Alter(message) is { } sent)
            _place.After(2, () => Other.Hear(sent));
    }

    public void Hear(TunnelMessage message)
    {
        Heard.Add(message);
        switch (message)
        {
            case Traverse traverse: Traversal.OnTraverse(traverse); break;
            case TraverseReady ready: Traversal.OnReady(ready); break;
            case TraverseGo go: Traversal.OnGo(go); break;
        }
    }

    public IUdpSocket? Open(UdpAddress peer)
    {
        var socket = new FakeSocket($"10.0.{_number}.2", _nextPort++);
        Sockets.Add(socket);
        return socket;
    }

    public void Close(IUdpSocket socket) => socket.Dispose();

    public bool Uses(IUdpSocket socket) => _used.Contains(socket);

    public void AskMapped(IUdpSocket socket, Action<UdpAddress> seen)
    {
        if (_nat.TryLeave(Now, socket.LocalAddress, MeetingPlace.Server, out UdpAddress mapped))
            _place.After(2, () => seen(mapped));
    }

    public void Probe(IUdpSocket socket, UdpAddress remote, byte timeToLive)
    {
        Probes.Add((Now, remote, timeToLive));
        if (_nat.TryLeave(Now, socket.LocalAddress, remote, out UdpAddress from) && timeToLive == 0)
            _place.After(1, () => Other.Receive(socket, from, remote));
    }

    /// <summary>Whoever is reached answers: where the answer passes as well, the way is open.</summary>
    private void Receive(IUdpSocket senders, UdpAddress from, UdpAddress to)
    {
        if (!_nat.TryEnter(Now, to, from, out UdpAddress inside) || Sockets.Find(s => s.LocalAddress == inside && !s.Disposed) is not { } socket
            || !_nat.TryLeave(Now, inside, from, out UdpAddress answered))
        {
            return;
        }
        _place.After(1, () =>
        {
            if (!Other._nat.TryEnter(Now, from, answered, out UdpAddress back) || back != senders.LocalAddress)
                return;
            Use(socket, from);
            Other.Use(senders, answered);
        });
    }

    private void Use(IUdpSocket socket, UdpAddress remote)
    {
        _used.Add(socket);
        Traversal.OnPath(new UdpPath(socket, socket.LocalAddress, remote, static (_, _) => PathReach.Public));
    }

    private static NatReport ReportOf(NatBehavior nat) => new(
        nat.Mapping switch
        {
            NatDependence.Independent => NatMapping.EndpointIndependent,
            NatDependence.Address => NatMapping.AddressDependent,
            _ => NatMapping.AddressAndPortDependent,
        },
        nat.Filtering switch
        {
            NatDependence.Independent => NatFiltering.EndpointIndependent,
            NatDependence.Address => NatFiltering.AddressDependent,
            _ => NatFiltering.AddressAndPortDependent,
        },
        true, nat.Ports == NatPorts.Preserving, true,
        nat.Ports switch { NatPorts.Preserving => PortAllocation.Preserving, NatPorts.Sequential => PortAllocation.Sequential, _ => PortAllocation.Random },
        nat.Ports == NatPorts.Sequential ? (byte)1 : (byte)0);
}
