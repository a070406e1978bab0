using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A client and a host on a simulated network: first over a relay, and directly if the test lets them.</summary>
internal sealed class Scene
{
    internal static readonly UdpAddress ClientRelay = Address(1, 1, 40_001);
    internal static readonly UdpAddress HostRelay = Address(1, 2, 40_002);
    internal static readonly UdpAddress ClientDirect = Address(2, 1, 50_001);
    internal static readonly UdpAddress HostDirect = Address(2, 2, 50_002);

    internal Scene(ulong seed, LinkProfile relay, QuicTransportOptions? transport = null, IAdmission? admission = null)
    {
        Network = new SimulatedNetwork(seed) { Default = relay };
        if (Environment.GetEnvironmentVariable("PUNCHLINE_SIM_LOG") is { Length: > 0 } file)
            Network.Log.Mirror = new StreamWriter(file) { AutoFlush = true };
        transport ??= new QuicTransportOptions();
        ClientApplication = new TransferApplication(isClient: true) { LocalFor = static _ => [ClientDirect] };
        HostApplication = new TransferApplication(isClient: false) { LocalFor = static _ => [HostDirect] };
        Client = new SimulatedPeer(Network, "client", seed + 1, transport, null, ClientApplication);
        Host = new SimulatedPeer(Network, "host", seed + 2, transport,
            admission ?? new AcceptAll(SimulatedIdentities.IdOf("client")), HostApplication);
        Client.AddAddress(ClientRelay, relay: true);
        Host.AddAddress(HostRelay, relay: true);
    }

    /// <summary>A scene whose two sides are connected over the relay, and have had a second to exchange ids.</summary>
    internal static Scene Connected(ulong seed, LinkProfile relay, QuicTransportOptions? transport = null, IAdmission? admission = null)
    {
        var scene = new Scene(seed, relay, transport, admission);
        scene.Connect();
        scene.Check(
            scene.Network.RunUntil(() => scene.HostApplication.IsEstablished && scene.ClientApplication.IsEstablished, TimeSpan.FromSeconds(60)),
            "no handshake");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        return scene;
    }

    internal SimulatedNetwork Network { get; }

    internal SimulatedPeer Client { get; }

    internal SimulatedPeer Host { get; }

    internal TransferApplication ClientApplication { get; }

    internal TransferApplication HostApplication { get; }

    internal QuicConnection Connection { get; private set; } = null!;

    internal QuicConnection HostConnection => Host.Connections[0];

    /// <summary>True if both sides send directly.</summary>
    internal bool IsDirect => Connection.CurrentPath.Kind == PathKind.Direct && HostConnection.CurrentPath.Kind == PathKind.Direct;

    internal QuicConnection Connect() =>
        Connection = Client.Connect(ClientRelay, HostRelay, SimulatedIdentities.IdOf("host"));

    /// <summary>Both sides get a second address, and tell it.</summary>
    internal void OfferDirect(LinkProfile direct)
    {
        Network.SetBoth(ClientDirect, HostDirect, direct);
        Client.AddAddress(ClientDirect);
        Host.AddAddress(HostDirect);
        Connection.AddLocalCandidate(new Candidate(ClientDirect, CandidateKind.Host));
        HostConnection.AddLocalCandidate(new Candidate(HostDirect, CandidateKind.Host));
    }

    /// <summary>The client's NAT forgets: its datagrams come from another address from now on, and only that one is reachable.</summary>
    internal void RebindClient(LinkProfile profile) => Network.Rebind(ClientRelay, Address(1, 1, 41_001), profile);

    /// <summary>Fails with what is needed to understand it.</summary>
    internal void Check(bool condition, string what)
    {
        string? fault = ClientApplication.Fault ?? HostApplication.Fault;
        if (fault is not null || !condition)
            Assert.Fail($"{fault ?? what}\nclient: {ClientApplication.ClosedBy}\nhost: {HostApplication.ClosedBy}\n{Network.Log.Tail}");
    }

    private static UdpAddress Address(byte net, byte host, ushort port) => UdpAddress.FromBytes([198, 18, net, host], 0, port);
}
