using System.Net;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>Batches through the server's real sockets.</summary>
public sealed class BatchRelayTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_of_two_pairs_arrives_in_one_batch_each(bool portable)
    {
        if (!portable && !UdpPlatform.IsLinuxSupported)
            Assert.Skip("Batches are Linux's.");
        const int Size = RelayFrame.DataHeaderLength + 1000;
        UdpPlatform platform = UdpPlatform.Detect(portable);
        await using PunchlineServer server = await TestServer.StartAsync(new PunchlineServerOptions
        {
            Address = IPAddress.Loopback, Port = 0, UdpPlatform = platform, Admin = new IPEndPoint(IPAddress.Loopback, 0),
        });
        await using var host = new TestHost();
        await host.RegisterAsync(server);
        var at = new UdpAddress(IPAddress.Loopback, server.Port);
        using IUdpSocket hostUdp = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
        BindThrough(hostUdp, at, host.Registered.Handle, host.Registered.Key);
        var handles = new List<(ulong Host, ulong Client)>();
        var sockets = new List<IUdpSocket>();
        var clients = new List<ServerChannel>();
        for (int i = 0; i < 2; i++)
        {
            clients.Add(await TestServer.ConnectAsync(server));
            Opened opened = await host.OpenAsync(clients[i]);
            handles.Add((Assert.IsType<PairOpened>(await host.Channel.Events.ReadAsync(Token)).Handle, opened.Handle));
            IUdpSocket udp = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
            BindThrough(udp, at, opened.Handle, opened.Key);
            sockets.Add(udp);
        }

        // Runs of 8, 4 and 8, of which the first and the last leave together; the last datagram is shorter.
        int[] pairs = [.. Enumerable.Repeat(0, 8), .. Enumerable.Repeat(1, 4), .. Enumerable.Repeat(0, 8)];
        byte[] batch = new byte[(pairs.Length * Size) - 100];
        for (int i = 0; i < pairs.Length; i++)
        {
            RelayFrame.WriteDataHeader(batch.AsSpan(i * Size), handles[pairs[i]].Host);
            batch[(i * Size) + RelayFrame.DataHeaderLength] = (byte)i;
        }
        Assert.Equal(UdpSendStatus.Sent, hostUdp.Send(at, default, batch, Size, ect0: false, timeToLive: 0));
        for (int pair = 0; pair < 2; pair++)
        {
            int[] expected = [.. Enumerable.Range(0, pairs.Length).Where(i => pairs[i] == pair)];
            foreach ((int index, byte[] datagram) in expected.Zip(ReceiveAll(sockets[pair], expected.Length)))
            {
                Assert.True(RelayFrame.TryReadDataHeader(datagram, out ulong handle));
                Assert.Equal((handles[pair].Client, (byte)index), (handle, datagram[RelayFrame.DataHeaderLength]));
                Assert.Equal(index == pairs.Length - 1 ? Size - 100 : Size, datagram.Length);
            }
            sockets[pair].Dispose();
        }
        using var http = new HttpClient();
        string metrics = await http.GetStringAsync($"http://{server.AdminEndpoint}/metrics", Token);
        Assert.Contains("\npunchline_relay_datagrams_total 20\n", metrics, StringComparison.Ordinal);
        Assert.Contains($"\npunchline_relay_batches_total {(portable ? 20 : 2)}\n", metrics, StringComparison.Ordinal);
        foreach (ServerChannel client in clients)
            await client.DisposeAsync();
    }

    private static void BindThrough(IUdpSocket socket, UdpAddress server, ulong handle, byte[] key)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        var binding = new UdpBinding(server, SystemRandomness.Instance, clock.Now);
        binding.SetCredentials(handle, key, clock.Now);
        byte[] buffer = new byte[65_536];
        while (!binding.IsBound)
        {
            Token.ThrowIfCancellationRequested();
            if (binding.TryTransmit(clock.Now, buffer, out int length))
                socket.Send(server, default, buffer.AsSpan(0, length), length, ect0: false, timeToLive: 0);
            if (socket.TryReceive(buffer, out UdpReceived received))
                binding.TryReceive(clock.Now, received.Remote, buffer.AsSpan(0, received.Length));
            else
                Thread.Yield();
        }
    }

    private static List<byte[]> ReceiveAll(IUdpSocket socket, int count)
    {
        var datagrams = new List<byte[]>();
        byte[] buffer = new byte[65_536];
        while (datagrams.Count < count)
        {
            Token.ThrowIfCancellationRequested();
            if (!socket.TryReceive(buffer, out UdpReceived received))
            {
                Thread.Yield();
                continue;
            }
            for (int offset = 0; offset < received.Length; offset += received.SegmentSize)
                datagrams.Add(buffer[offset..Math.Min(offset + received.SegmentSize, received.Length)]);
        }
        return datagrams;
    }
}
