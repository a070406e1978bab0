using System.Net;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>1,000 hosts are registered at once, and each of them is reached by a client of its own.</summary>
[Trait("Length", "Medium")]
public sealed class ThousandHostsTests
{
    private const int Hosts = 1000;

    /// <summary>Handshakes of WebSockets at once: what two cores digest well.</summary>
    private const int AtOnce = 32;

    [Fact]
    public async Task All_of_them_are_reachable()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions
        {
            Address = IPAddress.Loopback, Port = 0, MaxChannelsPerAddress = 3 * Hosts, NewChannelsPerSecond = 10 * Hosts,
        });
        var hosts = new TestHost[Hosts];
        var clients = new ServerChannel[Hosts];
        var opened = new Opened[Hosts];
        try
        {
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = token };
            await Parallel.ForAsync(0, Hosts, parallel, async (i, _) =>
            {
                hosts[i] = new TestHost();
                await hosts[i].RegisterAsync(server);
            });
            await Parallel.ForAsync(0, Hosts, parallel, async (i, _) =>
            {
                clients[i] = await TestServer.ConnectAsync(server);
                opened[i] = await hosts[i].OpenAsync(clients[i]);
            });
            // All hosts behind one socket and all clients behind another: the handles keep them apart.
            using var hostUdp = new UdpPeer();
            using var clientUdp = new UdpPeer();
            for (int i = 0; i < Hosts; i++)
            {
                UdpAddress udp = clients[i].UdpEndpoints[0];
                var told = Assert.IsType<PairOpened>(await hosts[i].Channel.Events.ReadAsync(token));
                await hostUdp.BindAsync(udp, hosts[i].Registered.Handle, hosts[i].Registered.Key);
                await clientUdp.BindAsync(udp, opened[i].Handle, opened[i].Key);
                byte[] payload = BitConverter.GetBytes(i);
                await clientUdp.SendDataAsync(udp, opened[i].Handle, payload);
                (ulong handle, byte[] received) = await hostUdp.ReceiveDataAsync();
                Assert.Equal(told.Handle, handle);
                Assert.Equal(payload, received);
            }
        }
        finally
        {
            foreach (ServerChannel? client in clients)
            {
                if (client is not null)
                    await client.DisposeAsync();
            }
            foreach (TestHost? host in hosts)
            {
                if (host is not null)
                    await host.DisposeAsync();
            }
        }
    }
}
