using System.Net;
using System.Net.Sockets;
using Punchline.Protocol;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Tunnel;
using Xunit;

namespace Punchline.Tests.Tunnel;

public sealed class UdpForwardingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static async Task<(byte[] Bytes, EndPoint From)> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[4000];
        SocketReceiveFromResult result = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), Cancellation);
        return (buffer[..result.ReceivedBytes], result.RemoteEndPoint);
    }

    private static byte[] Filled(int length, byte value)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    [Fact]
    public async Task Each_local_address_is_a_flow_with_a_socket_of_its_own_at_the_host()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Socket a = rig.Bound(SocketType.Dgram);
        Socket b = rig.Bound(SocketType.Dgram);
        a.SendTo([1, 1], rig.LocalUdp);
        var (bytes, fromA) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal([1, 1], bytes);
        b.SendTo([2], rig.LocalUdp);
        (bytes, EndPoint fromB) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal([2], bytes);
        Assert.NotEqual(fromA, fromB);
        a.SendTo([], rig.LocalUdp);
        (bytes, EndPoint fromAgain) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Empty(bytes);
        Assert.Equal(fromA, fromAgain);

        rig.UdpServer.SendTo([20], fromB);
        rig.UdpServer.SendTo([10, 10], fromA);
        (bytes, EndPoint answered) = await rig.RunAsync(ReceiveAsync(a));
        Assert.Equal([10, 10], bytes);
        Assert.Equal(rig.LocalUdp, answered);
        (bytes, _) = await rig.RunAsync(ReceiveAsync(b));
        Assert.Equal([20], bytes);
        Assert.Equal((2, 2), (rig.Client.FlowCount, rig.Host!.FlowCount));
    }

    [Fact]
    public async Task Sequence_numbers_count_in_each_direction_of_a_flow()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Socket program = rig.Bound(SocketType.Dgram);
        for (byte i = 0; i < 3; i++)
        {
            program.SendTo([i], rig.LocalUdp);
            var (_, from) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
            rig.UdpServer.SendTo([i], from);
            await rig.RunAsync(ReceiveAsync(program));
        }
        // kind 2, service 2, flow 1, sequence, payload (docs/wire/tunnel.md)
        Assert.Equal([[2, 2, 1, 0, 0], [2, 2, 1, 0, 0], [2, 2, 1, 1, 1], [2, 2, 1, 1, 1], [2, 2, 1, 2, 2], [2, 2, 1, 2, 2]], rig.Transport!.Datagrams);
    }

    [Fact]
    public async Task What_does_not_fit_is_counted_and_said_once_and_the_rest_goes_on()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Transport!.MaxDatagramPayload = 1200;
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo(Filled(1196, 1), rig.LocalUdp);
        program.SendTo(Filled(1197, 2), rig.LocalUdp);
        program.SendTo(Filled(5000, 3), rig.LocalUdp);
        program.SendTo(Filled(10, 4), rig.LocalUdp);
        var (bytes, _) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal(Filled(1196, 1), bytes);
        (bytes, _) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal(Filled(10, 4), bytes);
        Assert.Equal(2, rig.Client.TooLargeCount);
        Assert.Equal(["flow 2", "too large 2 1197 1196"], rig.ClientEvents.Lines);
    }

    [Fact]
    public async Task A_datagram_larger_than_any_path_is_never_cut_even_if_the_path_claims_room()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Transport!.MaxDatagramPayload = 65_535;
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo(Filled(5000, 3), rig.LocalUdp);
        await rig.UntilAsync(() => rig.Client.TooLargeCount == 1);
        Assert.Empty(rig.Transport.Datagrams);
    }

    [Fact]
    public async Task Idle_flows_end_on_both_sides_and_come_back_with_the_next_datagram()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo([1], rig.LocalUdp);
        var (_, first) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        rig.Driver.Advance(TunnelLimits.UdpIdle - TimeSpan.FromSeconds(1));
        program.SendTo([2], rig.LocalUdp);
        await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        rig.Driver.Advance(TunnelLimits.UdpIdle - TimeSpan.FromSeconds(1));
        Assert.Equal((1, 1), (rig.Client.FlowCount, rig.Host!.FlowCount));
        rig.Driver.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((0, 0), (rig.Client.FlowCount, rig.Host.FlowCount));
        Assert.Equal(["flow 2", "flow closed 2"], rig.HostEvents.Lines);
        program.SendTo([3], rig.LocalUdp);
        var (bytes, _) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal([3], bytes);
        Assert.NotNull(first);
    }

    [Fact]
    public async Task Before_a_direct_path_stands_datagrams_are_dropped_and_counted()
    {
        using TunnelRig rig = new TunnelRig().Connect(carrying: false);
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo([1], rig.LocalUdp);
        await rig.UntilAsync(() => rig.Client.DroppedCount == 1);
        rig.Carry();
        program.SendTo([2], rig.LocalUdp);
        var (bytes, _) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal([2], bytes);
    }

    [Fact]
    public async Task A_service_that_is_not_running_is_said_once_and_served_once_it_runs()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        var address = (IPEndPoint)rig.UdpServer.LocalEndPoint!;
        rig.UdpServer.Dispose();
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo([1], rig.LocalUdp);
        await rig.UntilAsync(() => rig.HostEvents.Count("failed") == 1);
        program.SendTo([2], rig.LocalUdp);
        await rig.UntilAsync(() => rig.Transport!.Datagrams.Count == 2);
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(address);
        Task<(byte[] Bytes, EndPoint From)> received = ReceiveAsync(server);
        // The error of an earlier datagram may still swallow one: a program repeats.
        while (!received.IsCompleted)
        {
            int sent = rig.Transport!.Datagrams.Count;
            program.SendTo([3], rig.LocalUdp);
            await rig.UntilAsync(() => rig.Transport.Datagrams.Count > sent);
        }
        Assert.Equal([3], (await received).Bytes);
        Assert.Equal([$"failed 2 NothingListens: nothing listens on {address}"], rig.HostEvents.Lines.Where(l => l.StartsWith("failed", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_the_network_lost_is_told_when_the_flow_ends()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Punchline.Endpoint.IStreamTransport raw = rig.Transport!.Client;
        // Numbers 0, 4 and 2 came: 1 and 3 are missing.
        foreach (byte sequence in new byte[] { 0, 4, 2 })
            raw.TrySendDatagram([2, 2, 1, sequence, 9]);
        rig.Host!.OnDatagram();
        rig.Driver.Advance(TunnelLimits.UdpIdle);
        Assert.Equal(["flow 2", "flow closed 2 missing 2"], rig.HostEvents.Lines);
    }

    [Fact]
    public void The_host_ignores_flows_of_services_that_it_does_not_share_and_garbage()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Punchline.Endpoint.IStreamTransport raw = rig.Transport!.Client;
        foreach (byte[] datagram in new byte[][] { [], [2], [2, 2], [1, 2, 1, 0], [2, 9, 1, 0, 5], [2, 1, 1, 0, 5], [2, 2, 0xff], [2, 2, 1, 0x40] })
            Assert.True(raw.TrySendDatagram(datagram));
        rig.Host!.OnDatagram();
        Assert.Equal(0, rig.Host.FlowCount);
        Assert.Empty(rig.HostEvents.Lines);
    }

    [Fact]
    public void More_flows_than_the_bound_make_the_one_idle_longest_end()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        for (int i = 0; i < TunnelLimits.MaxUdpFlows; i++)
        {
            rig.Client.OnLocalDatagram(rig.UdpListener, new UdpAddress(IPAddress.Loopback, 1000 + i), [1]);
            rig.Driver.Advance(TimeSpan.FromMilliseconds(1));
        }
        // The first is used again, so the second is the oldest now.
        rig.Client.OnLocalDatagram(rig.UdpListener, new UdpAddress(IPAddress.Loopback, 1000), [1]);
        rig.Client.OnLocalDatagram(rig.UdpListener, new UdpAddress(IPAddress.Loopback, 9999), [1]);
        Assert.Equal(TunnelLimits.MaxUdpFlows, rig.Client.FlowCount);
        Assert.Equal(1, rig.ClientEvents.Count("flow closed 2 evicted"));
        int opened = rig.ClientEvents.Count("flow 2");
        rig.Client.OnLocalDatagram(rig.UdpListener, new UdpAddress(IPAddress.Loopback, 1000), [1]);
        Assert.Equal(opened, rig.ClientEvents.Count("flow 2"));
        rig.Client.OnLocalDatagram(rig.UdpListener, new UdpAddress(IPAddress.Loopback, 1001), [1]);
        Assert.Equal(opened + 1, rig.ClientEvents.Count("flow 2"));
    }

    [Fact]
    public void New_flows_at_the_host_have_a_rate_and_known_ones_go_on()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        ulong flow = 0;
        int OpenFlows(int count)
        {
            int before = rig.HostEvents.Count("flow 2");
            Span<byte> datagram = stackalloc byte[DatagramHeader.MaxLength];
            for (int i = 0; i < count; i++)
            {
                int length = new DatagramHeader(TunnelRig.UdpService, ++flow, 0).Write(datagram);
                Assert.True(rig.Transport!.Client.TrySendDatagram(datagram[..length]));
            }
            rig.Host!.OnDatagram();
            return rig.HostEvents.Count("flow 2") - before;
        }
        Assert.Equal(TunnelLimits.MaxUdpFlows, OpenFlows(TunnelLimits.MaxUdpFlows + 100));
        Assert.Equal(100, rig.Host!.DroppedCount);
        // Those that are there are as good as before.
        Assert.True(rig.Transport!.Client.TrySendDatagram([2, 2, 1, 1, 9]));
        rig.Host.OnDatagram();
        Assert.Equal((100, TunnelLimits.MaxUdpFlows), (rig.Host.DroppedCount, rig.Host.FlowCount));
        rig.Driver.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((int)TunnelLimits.NewUdpFlowsPerSecond, OpenFlows(TunnelLimits.MaxUdpFlows));
    }

    [Fact]
    public async Task An_answer_for_a_port_that_is_gone_is_dropped()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo([1], rig.LocalUdp);
        var (_, from) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        rig.Client.Remove(rig.UdpListener);
        rig.UdpServer.SendTo([2], from);
        await rig.UntilAsync(() => rig.Client.DroppedCount == 1);
    }

    [Fact]
    public async Task A_lost_connection_ends_the_flows_and_the_port_serves_the_next_one()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Socket program = rig.Bound(SocketType.Dgram);
        program.SendTo([1], rig.LocalUdp);
        await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        rig.Lose();
        Assert.Equal((0, 0), (rig.Client.FlowCount, rig.Host!.FlowCount));
        rig.Connect();
        program.SendTo([2], rig.LocalUdp);
        var (bytes, from) = await rig.RunAsync(ReceiveAsync(rig.UdpServer));
        Assert.Equal([2], bytes);
        rig.UdpServer.SendTo([3], from);
        (bytes, _) = await rig.RunAsync(ReceiveAsync(program));
        Assert.Equal([3], bytes);
    }

    private sealed class Sink : Punchline.Endpoint.IStreamTransport
    {
        public byte[]? Next;
        public int Sent;
        public int MaxDatagramPayload => 1200;

        public bool TrySendDatagram(ReadOnlySpan<byte> payload)
        {
            Sent++;
            return true;
        }

        public bool TryReadDatagram(Span<byte> destination, out int length)
        {
            length = 0;
            if (Next is null)
                return false;
            Next.CopyTo(destination);
            length = Next.Length;
            Next = null;
            return true;
        }

        public bool TryOpenStream(bool bidirectional, out StreamId id) => throw new NotSupportedException();
        public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted) => throw new NotSupportedException();
        public StreamStatus Finish(StreamId id) => throw new NotSupportedException();
        public StreamStatus Read(StreamId id, Span<byte> destination, out int count) => throw new NotSupportedException();
        public void Reset(StreamId id, ulong code) => throw new NotSupportedException();
        public void StopSending(StreamId id, ulong code) => throw new NotSupportedException();
    }

    [Fact]
    public void A_warm_flow_allocates_nothing_per_datagram()
    {
        using var rig = new TunnelRig();
        var sink = new Sink();
        rig.Client.Attach(sink);
        rig.Client.SetCarrying(true);
        Socket program = rig.Bound(SocketType.Dgram);
        var source = new UdpAddress(IPAddress.Loopback, ((IPEndPoint)program.LocalEndPoint!).Port);
        byte[] payload = Filled(1000, 1);
        byte[] answer = [2, 2, 1, 0, 9];
        var inbox = new DatagramInbox<UdpAddress>(4, 2048);
        void Run()
        {
            inbox.TryAdd(source, payload);
            inbox.TryPeek(out UdpAddress from, out ReadOnlySpan<byte> datagram);
            rig.Client.OnLocalDatagram(rig.UdpListener, from, datagram);
            inbox.Release();
            sink.Next = answer;
            rig.Client.OnDatagram();
        }
        for (int i = 0; i < 100; i++)
            Run();
        int sent = sink.Sent;
        long allocated = Allocated.InRound(() =>
        {
            for (int i = 0; i < 1000; i++)
                Run();
        });
        Assert.Equal(0, allocated);
        Assert.True(sink.Sent >= sent + 1000);
        Assert.Equal(1, rig.Client.FlowCount);
    }
}
