using System.Net.Sockets;
using Punchline.Tunnel;
using Xunit;

namespace Punchline.Tests.Tunnel;

public sealed class TcpForwardingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static byte[] RandomBytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> data, int seed = 0)
    {
        var random = new Random(seed);
        while (!data.IsEmpty)
        {
            int chunk = Math.Min(data.Length, random.Next(1, 50_000));
            data = data[await socket.SendAsync(data[..chunk], SocketFlags.None, Cancellation)..];
        }
    }

    private static async Task<byte[]> ReceiveAllAsync(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[30_000];
        for (int count; (count = await socket.ReceiveAsync(buffer, SocketFlags.None, Cancellation)) > 0;)
            all.Write(buffer, 0, count);
        return all.ToArray();
    }

    private static async Task<SocketError> ErrorOfReceiveAsync(Socket socket)
    {
        try
        {
            await ReceiveAllAsync(socket);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    private static void Reset(Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_byte_arrives_in_order_both_ways(int seed)
    {
        using TunnelRig rig = new TunnelRig().Connect(seed);
        var (program, service) = await rig.DialThroughAsync();
        byte[] up = RandomBytes(3_000_000, seed);
        byte[] down = RandomBytes(2_000_000, seed + 100);
        async Task SendAndEndAsync(Socket socket, byte[] data)
        {
            await SendAllAsync(socket, data, seed);
            socket.Shutdown(SocketShutdown.Send);
        }
        Task<byte[]> atService = ReceiveAllAsync(service);
        Task<byte[]> atProgram = ReceiveAllAsync(program);
        await rig.RunAsync(Task.WhenAll(SendAndEndAsync(program, up), SendAndEndAsync(service, down), atService, atProgram));
        Assert.Equal(up, await atService);
        Assert.Equal(down, await atProgram);
        await rig.UntilAsync(() => rig.ClientEvents.Closed == 1 && rig.HostEvents.Closed == 1);
        Assert.Equal(["opened 1", "closed 1 None"], rig.ClientEvents.Lines);
        Assert.Equal(["opened 1", "closed 1 None"], rig.HostEvents.Lines);
        Assert.Equal((0, 0), (rig.Client.LinkCount, rig.Host!.LinkCount));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_direction_may_end_while_the_other_goes_on(bool programFirst)
    {
        using TunnelRig rig = new TunnelRig().Connect();
        var (program, service) = await rig.DialThroughAsync();
        var (first, second) = programFirst ? (program, service) : (service, program);
        await SendAllAsync(first, "question"u8.ToArray());
        first.Shutdown(SocketShutdown.Send);
        Assert.Equal("question"u8.ToArray(), await rig.RunAsync(ReceiveAllAsync(second)));
        // Only after the end was seen does the other side speak.
        byte[] answer = RandomBytes(500_000, 7);
        Task<byte[]> received = ReceiveAllAsync(first);
        await rig.RunAsync(SendAllAsync(second, answer));
        Assert.False(received.IsCompleted);
        second.Shutdown(SocketShutdown.Send);
        Assert.Equal(answer, await rig.RunAsync(received));
        await rig.UntilAsync(() => rig.ClientEvents.Closed == 1 && rig.HostEvents.Closed == 1);
        Assert.Equal("closed 1 None", rig.HostEvents.Lines[^1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_stays_a_reset(bool byProgram)
    {
        using TunnelRig rig = new TunnelRig().Connect();
        var (program, service) = await rig.DialThroughAsync();
        var (resetter, other) = byProgram ? (program, service) : (service, program);
        await SendAllAsync(resetter, "hello"u8.ToArray());
        var buffer = new byte[5];
        await rig.RunAsync(other.ReceiveAsync(buffer, SocketFlags.None, Cancellation).AsTask());
        Reset(resetter);
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(other)));
        await rig.UntilAsync(() => rig.ClientEvents.Closed == 1 && rig.HostEvents.Closed == 1);
        Assert.Equal("closed 1 LocalReset", rig.ClientEvents.Lines[^1]);
        Assert.Equal("closed 1 LocalReset", rig.HostEvents.Lines[^1]);
    }

    [Fact]
    public async Task A_reset_after_the_senders_end_reaches_the_other_side_too()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        var (program, service) = await rig.DialThroughAsync();
        program.Shutdown(SocketShutdown.Send);
        Assert.Empty(await rig.RunAsync(ReceiveAllAsync(service)));
        Reset(service);
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
    }

    [Fact]
    public async Task A_service_that_is_not_running_resets_the_program_and_both_sides_say_why()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Service.Dispose();
        Socket program = await rig.DialAsync();
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
        Assert.Equal("closed 1 NothingListens", rig.ClientEvents.Lines[^1]);
        Assert.Contains($"failed 1 NothingListens: nothing listens on {rig.Services[1].Address}", rig.HostEvents.Lines);
    }

    [Fact]
    public async Task A_service_that_the_host_does_not_share_is_refused()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Services.Remove(TunnelRig.TcpService);
        Socket program = await rig.DialAsync();
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
        Assert.Equal("closed 1 NoSuchService", rig.ClientEvents.Lines[^1]);
        // A UDP service is none for a TCP connection.
        rig.Listener.ServiceId = TunnelRig.UdpService;
        program = await rig.DialAsync();
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
        Assert.Equal("closed 2 NoSuchService", rig.ClientEvents.Lines[^1]);
    }

    [Fact]
    public async Task Many_connections_at_once_do_not_mix()
    {
        const int Count = 100;
        using TunnelRig rig = new TunnelRig().Connect();
        async Task EchoAsync()
        {
            List<Task> echoes = [];
            for (int i = 0; i < Count; i++)
            {
                Socket socket = await rig.Service.AcceptAsync(Cancellation);
                echoes.Add(Task.Run(async () =>
                {
                    byte[] all = await ReceiveAllAsync(socket);
                    await SendAllAsync(socket, all);
                    socket.Shutdown(SocketShutdown.Send);
                    socket.Dispose();
                }, Cancellation));
            }
            await Task.WhenAll(echoes);
        }
        async Task AskAsync(int number)
        {
            Socket socket = await rig.DialAsync();
            byte[] question = RandomBytes(20_000 + number, number);
            await SendAllAsync(socket, question, number);
            socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(question, await ReceiveAllAsync(socket));
        }
        Task echo = EchoAsync();
        await rig.RunAsync(Task.WhenAll(Enumerable.Range(0, Count).Select(n => Task.Run(() => AskAsync(n), Cancellation))));
        await rig.RunAsync(echo);
        await rig.UntilAsync(() => rig.ClientEvents.Closed == Count && rig.HostEvents.Closed == Count);
        Assert.Equal(Count, rig.HostEvents.Count("closed 1 None"));
    }

    [Fact]
    public async Task A_slow_reader_stops_the_sender_and_loses_nothing()
    {
        using var rig = new TunnelRig();
        rig.Service.ReceiveBufferSize = 32 * 1024;
        rig.Connect();
        var (program, service) = await rig.DialThroughAsync();
        program.SendBufferSize = 32 * 1024;
        byte[] data = RandomBytes(24_000_000, 5);
        Task sending = Task.Run(() => SendAllAsync(program, data), Cancellation);
        MemoryTransport.Lane lane = rig.Transport!.LanesToHost.Single();
        // The stream is full although the host takes from it whenever it can: its socket's pipe is full as well.
        await rig.UntilAsync(() => lane.Room == 0);
        Assert.False(sending.IsCompleted);
        // What the host took: its pipe, and what the kernel holds for a socket that nobody reads (at most some MB, as it grows by itself).
        Assert.InRange(lane.TotalRead, 1, 16_000_000);
        Task<byte[]> receiving = ReceiveAllAsync(service);
        await rig.RunAsync(sending);
        program.Shutdown(SocketShutdown.Send);
        Assert.Equal(data, await rig.RunAsync(receiving));
    }

    [Fact]
    public async Task What_comes_before_the_direct_path_waits_and_is_carried_then()
    {
        using TunnelRig rig = new TunnelRig().Connect(carrying: false);
        Socket program = await rig.DialAsync();
        await SendAllAsync(program, "early"u8.ToArray());
        await rig.UntilAsync(() => rig.Client.WaitingCount == 1);
        rig.Driver.Advance(TunnelLimits.MaxWait - TimeSpan.FromSeconds(1));
        Assert.Empty(rig.ClientEvents.Lines);
        rig.Carry();
        Socket service = await rig.RunAsync(rig.Service.AcceptAsync(Cancellation).AsTask());
        var buffer = new byte[5];
        await rig.RunAsync(service.ReceiveAsync(buffer, SocketFlags.None, Cancellation).AsTask());
        Assert.Equal("early"u8.ToArray(), buffer);
        service.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_waits_too_long_is_reset_with_the_reason(bool connected)
    {
        using var rig = new TunnelRig();
        if (connected)
            rig.Connect(carrying: false);
        Socket program = await rig.DialAsync();
        await rig.UntilAsync(() => rig.Client.WaitingCount == 1);
        rig.Driver.Advance(TunnelLimits.MaxWait);
        Assert.Equal(["not carried 1 NoPathInTime"], rig.ClientEvents.Lines);
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
        Assert.Equal(0, rig.Client.WaitingCount);
    }

    [Fact]
    public async Task Without_a_stream_to_be_had_a_connection_waits_for_one()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Transport!.StreamLimit = 0;
        await rig.DialAsync();
        await rig.UntilAsync(() => rig.Client.WaitingCount == 1);
        rig.Transport.AnnounceStreams(1);
        await rig.UntilAsync(() => rig.HostEvents.Opened == 1);
        Assert.Equal(0, rig.Client.WaitingCount);
        Socket second = await rig.DialAsync();
        await rig.UntilAsync(() => rig.Client.WaitingCount == 1);
        rig.Driver.Advance(TunnelLimits.MaxWait);
        Assert.Contains("not carried 1 TooManyFlows", rig.ClientEvents.Lines);
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(second)));
    }

    [Fact]
    public async Task A_port_whose_service_is_not_known_yet_waits_for_its_name()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        rig.Listener.ServiceId = null;
        await rig.DialAsync();
        await rig.UntilAsync(() => rig.Client.WaitingCount == 1);
        rig.Listener.ServiceId = TunnelRig.TcpService;
        await rig.UntilAsync(() => rig.HostEvents.Opened == 1);
    }

    [Fact]
    public async Task A_lost_connection_resets_both_ends_and_the_port_serves_the_next_one()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        var (program, service) = await rig.DialThroughAsync();
        rig.Lose();
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(program)));
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(service)));
        Assert.Equal("closed 1 PeerLost", rig.ClientEvents.Lines[^1]);
        Assert.Equal("closed 1 PeerLost", rig.HostEvents.Lines[^1]);

        rig.Connect();
        var (again, served) = await rig.DialThroughAsync();
        await SendAllAsync(again, "again"u8.ToArray());
        again.Shutdown(SocketShutdown.Send);
        Assert.Equal("again"u8.ToArray(), await rig.RunAsync(ReceiveAllAsync(served)));
    }

    [Fact]
    public async Task More_connections_than_the_bound_are_reset()
    {
        using var rig = new TunnelRig();
        List<Socket> programs = [];
        for (int i = 0; i < TunnelLimits.MaxConnections; i++)
        {
            programs.Add(await rig.DialAsync());
            if (i % 100 == 0)
                await rig.UntilAsync(() => rig.Client.WaitingCount == i + 1);
        }
        await rig.UntilAsync(() => rig.Client.WaitingCount == TunnelLimits.MaxConnections);
        Socket last = await rig.DialAsync();
        Assert.Equal(SocketError.ConnectionReset, await rig.RunAsync(ErrorOfReceiveAsync(last)));
        Assert.Equal(["not carried 1 TooManyFlows"], rig.ClientEvents.Lines);
        Assert.Equal(TunnelLimits.MaxConnections, rig.Client.WaitingCount);
    }

    [Fact]
    public async Task Streams_that_are_opened_and_reset_in_a_loop_do_not_pass_the_bound()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Punchline.Endpoint.IStreamTransport raw = rig.Transport!.Client;
        // The driver does nothing but hand these events on, so no connect to the service can have come to its end.
        Quic.StreamId Open()
        {
            Assert.True(raw.TryOpenStream(true, out Quic.StreamId stream));
            raw.Write(stream, [1, 1, 1], out int _);
            Deliver();
            return stream;
        }
        void Deliver() => rig.Transport.Deliver((_, _, _) => { }, (kind, id, _) =>
        {
            if (kind == Quic.QuicEventKind.StreamOpened)
                rig.Host!.OnStreamOpened(id);
        });
        for (int i = 0; i < TunnelLimits.MaxConnections; i++)
        {
            rig.Host!.OnStreamStopped(Open(), 0x10);
            Deliver();
        }
        Assert.Equal((0, TunnelLimits.MaxConnections, 0), (rig.Host!.LinkCount, rig.Host.DialCount, rig.HostEvents.Count("failed")));
        Open();
        Assert.Equal((0, 1), (rig.Host.LinkCount, rig.HostEvents.Count("failed 1 TooManyFlows")));
        // Once their sockets are gone there is room again.
        await rig.UntilAsync(() => rig.Host.DialCount == 0);
        Open();
        Assert.Equal((1, 1), (rig.Host.LinkCount, rig.HostEvents.Count("failed")));
    }

    [Fact]
    public void A_stream_with_an_unknown_kind_or_a_broken_header_is_reset()
    {
        using TunnelRig rig = new TunnelRig().Connect();
        Punchline.Endpoint.IStreamTransport raw = rig.Transport!.Client;
        raw.TryOpenStream(true, out Quic.StreamId unknown);
        raw.Write(unknown, [0x77, 1, 1], out int _);
        raw.TryOpenStream(true, out Quic.StreamId cut);
        raw.Write(cut, [0x01], out int _);
        raw.Finish(cut);
        List<(Quic.QuicEventKind, Quic.StreamId, ulong)> seen = [];
        while (rig.Transport.Deliver((kind, id, code) => seen.Add((kind, id, code)), (kind, id, code) =>
        {
            if (kind == Quic.QuicEventKind.StreamOpened)
                rig.Host!.OnStreamOpened(id);
            else
                rig.Host!.OnStreamReadable(id, code);
        }))
        {
        }
        foreach (Quic.StreamId id in new[] { unknown, cut })
        {
            Assert.Contains((Quic.QuicEventKind.StreamStopped, id, 3ul), seen);
            Assert.Contains((Quic.QuicEventKind.StreamReadable, id, 3ul), seen);
        }
        Assert.Empty(rig.HostEvents.Lines);
    }
}
