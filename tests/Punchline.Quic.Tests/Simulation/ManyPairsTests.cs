using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>48 pairs that all answer small probes, of which some carry data: nothing that they used is lost for good.</summary>
public sealed class ManyPairsTests
{
    private static readonly UdpAddress[] Locals = [.. Enumerable.Range(1, 4).Select(static i => Address(2, i))];
    private static readonly UdpAddress[] Remotes = [.. Enumerable.Range(1, 12).Select(static i => Address(3, i))];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(48)]
    public void Ids_come_back_from_paths_that_fail(int carrying)
    {
        (SimulatedNetwork network, QuicConnection client, QuicConnection host) = Connected();
        for (int i = 0; i < Locals.Length; i++)
        {
            for (int j = 0; j < Remotes.Length; j++)
            {
                // Spread over all pairs; the rest lets small probes pass and swallows the full-sized ones.
                bool carries = ((((i * Remotes.Length) + j) * 5) + 3) % 48 < carrying;
                network.SetBoth(Locals[i], Remotes[j], new LinkProfile { Delay = TimeSpan.FromMilliseconds(5), MaxPayload = carries ? 1472 : 900 });
            }
        }
        foreach (UdpAddress address in Locals)
            client.AddLocalCandidate(new Candidate(address, CandidateKind.Host));
        foreach (UdpAddress address in Remotes)
            host.AddLocalCandidate(new Candidate(address, CandidateKind.Host));

        bool direct = network.RunUntil(
            () => client.CurrentPath.Kind == PathKind.Direct && host.CurrentPath.Kind == PathKind.Direct, TimeSpan.FromSeconds(40));
        Assert.Equal(carrying > 0, direct);
        network.RunFor(TimeSpan.FromSeconds(20));
        foreach (QuicConnection connection in new[] { client, host })
        {
            Assert.True(connection.IsOpen);
            Assert.InRange(connection.Paths().Count, 1, CandidateRules.MaxPairs + 8);
            int holding = 1; // the opening probes' id
            for (int i = 0; i < connection.Paths().Count; i++)
            {
                PathState path = connection.Paths()[i];
                if (path.IsValidated || path.Stage == PathStage.Validating)
                    holding++;
            }
            int free = connection.TakeFreeIds();
            Assert.True(free >= LocalConnectionIds.MaxActive - holding, $"{free} ids are free, {holding} in use");
        }
    }

    private static (SimulatedNetwork Network, QuicConnection Client, QuicConnection Host) Connected()
    {
        var network = new SimulatedNetwork(1) { Default = new LinkProfile { Delay = TimeSpan.FromMilliseconds(20) } };
        var transport = new QuicTransportOptions();
        var client = new SimulatedPeer(network, "client", 1, transport, null, new TransferApplication(isClient: true) { LocalFor = static _ => Locals });
        var host = new SimulatedPeer(network, "host", 2, transport, new AcceptAll(), new TransferApplication(isClient: false) { LocalFor = static _ => Remotes });
        client.AddAddress(Scene.ClientRelay, relay: true);
        host.AddAddress(Scene.HostRelay, relay: true);
        foreach (UdpAddress address in Locals)
            client.AddAddress(address);
        foreach (UdpAddress address in Remotes)
            host.AddAddress(address);
        QuicConnection connection = client.Connect(Scene.ClientRelay, Scene.HostRelay, SimulatedIdentities.IdOf("host"));
        Assert.True(network.RunUntil(() => connection.IsEstablished && host.Connections is [{ IsEstablished: true }], TimeSpan.FromSeconds(10)));
        network.RunFor(TimeSpan.FromSeconds(1));
        return (network, connection, host.Connections[0]);
    }

    private static UdpAddress Address(byte net, int host) => UdpAddress.FromBytes([198, 18, net, (byte)host], 0, 50_000);
}
