using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Makes the faults of a scenario happen, and ends them.</summary>
internal sealed class FaultPlayer(Scenario scenario, SimulatedNetwork network, Places places, SimulatedPeer client, SimulatedPeer host)
{
    /// <summary>What a degraded leg is like beside its own nature: half of the time it loses nearly everything.</summary>
    private static readonly BurstLoss Bad = new() { Good = TimeSpan.FromMilliseconds(200), Bad = TimeSpan.FromMilliseconds(200), LossWhenBad = 0.9 };

    /// <summary>A handshake ends or is given up within half a minute; until then this is how often it is looked at.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<int, int> _cuts = [];
    private readonly Dictionary<int, int> _degraded = [];
    private int _relayDown;

    /// <summary>Called when a side has lost its connection without a word.</summary>
    internal Action<bool>? OnRestart { get; init; }

    internal void Schedule(Instant start)
    {
        foreach (Fault fault in scenario.Faults)
            network.Schedule(start + fault.At, () => Begin(fault));
    }

    /// <summary>QUIC relies on stable addresses until the handshake is done (RFC 9000 section 9). A relay knows a peer where it saw it last.</summary>
    private bool ChangesAddress(Fault fault) => scenario.IsPlain && fault.Kind is (FaultKind.Rebind or FaultKind.Move);

    private bool IsShakingHands => client.Connections.Concat(host.Connections).Any(static connection => !connection.IsEstablished && !connection.IsTerminated);

    private SimulatedPeer Side(Fault fault) => fault.AtClient ? client : host;

    private void Begin(Fault fault)
    {
        if (ChangesAddress(fault) && IsShakingHands)
        {
            network.Schedule(network.Now + AskAgain, () => Begin(fault));
            return;
        }
        network.Log.Add(network.Now, $"fault: {fault}");
        switch (fault.Kind)
        {
            case FaultKind.Outage:
                Count(_cuts, [fault.Leg], fault.Length);
                break;
            case FaultKind.Blackout:
                Count(_cuts, [0, 1, 2], fault.Length);
                break;
            case FaultKind.Degrade:
                Count(_degraded, [fault.Leg], fault.Length);
                break;
            case FaultKind.Narrow:
                places.SetLeg(fault.Leg, places.Leg(fault.Leg) with { MaxPayload = Math.Min(places.Leg(fault.Leg).MaxPayload, fault.Amount) });
                break;
            case FaultKind.Rebind:
                places.NatOf(fault.AtClient)?.Rebind();
                break;
            case FaultKind.Move:
                places.Move(fault.AtClient);
                network.Schedule(network.Now + fault.Length, () => TellOwner(Side(fault)));
                break;
            case FaultKind.Sleep:
                Side(fault).Sleep(fault.Length, clockStops: false);
                break;
            case FaultKind.Suspend:
                Side(fault).OnWoken = () => TellOwner(Side(fault));
                Side(fault).Sleep(fault.Length, clockStops: true);
                break;
            case FaultKind.ClockJump:
                Side(fault).JumpClock(fault.Length);
                break;
            case FaultKind.RelayDown when places.Relay is { } relay:
                relay.IsDown = ++_relayDown > 0;
                network.Schedule(network.Now + fault.Length, () => relay.IsDown = --_relayDown > 0);
                break;
            case FaultKind.Restart:
                Side(fault).Restart();
                OnRestart?.Invoke(fault.AtClient);
                break;
        }
    }

    /// <summary>Faults of one kind may overlap: a leg is well again when the last of them is over.</summary>
    private void Count(Dictionary<int, int> counts, int[] legs, TimeSpan length)
    {
        foreach (int leg in legs)
        {
            counts[leg] = counts.GetValueOrDefault(leg) + 1;
            Apply(leg);
        }
        network.Schedule(network.Now + length, () =>
        {
            foreach (int leg in legs)
            {
                counts[leg]--;
                Apply(leg);
            }
        });
    }

    private void Apply(int leg)
    {
        LinkProfile nature = leg switch { 0 => scenario.ClientLeg, 1 => scenario.HostLeg, _ => scenario.DirectLeg };
        places.SetLeg(leg, places.Leg(leg) with
        {
            IsCut = _cuts.GetValueOrDefault(leg) > 0,
            Burst = _degraded.GetValueOrDefault(leg) > 0 ? Bad : nature.Burst,
        });
    }

    /// <summary>The network is another one, or the machine slept: its owner tells each connection.</summary>
    private void TellOwner(SimulatedPeer peer)
    {
        if (peer.IsAsleep)
        {
            network.Schedule(peer.AwakeAt + TimeSpan.FromTicks(1), () => TellOwner(peer));
            return;
        }
        foreach (QuicConnection connection in peer.Connections)
            connection.OnNetworkChanged(peer.Now);
    }
}
