using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Punchline.Testing;

namespace Punchline.Interop.Link;

/// <summary>
/// A UDP link on loopback between clients and one server, with faults drawn from a seed: the fate of the n-th datagram of a direction
/// depends on the seed and n alone. It is a NAT as well: the server sees each client address as a port of the link's own.
/// </summary>
/// <remarks><code>
/// client ──▶ [front] ── faults ──▶ [one back socket a client] ──▶ server
///        ◀──         ◀── faults ──                            ◀──
/// </code></remarks>
internal sealed class LossyLink : IAsyncDisposable
{
    private const int LargestDatagram = 65_535;

    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    private readonly Socket _front = Bind();
    private readonly IPEndPoint _server;
    private readonly Faults _faults;
    private readonly Direction _toServer;
    private readonly Direction _toClient;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<IPEndPoint, Socket> _backs = [];
    private readonly List<Socket> _sockets = [];
    private readonly List<Task> _tasks = [];

    /// <summary>A link to a server.</summary>
    public LossyLink(int serverPort, ulong seed, Faults? faults = null)
    {
        _server = new IPEndPoint(IPAddress.Loopback, serverPort);
        _faults = faults ?? Faults.Usual;
        _toServer = new Direction(new SeededRandomness(seed).Fork(1), _faults);
        _toClient = new Direction(new SeededRandomness(seed).Fork(2), _faults);
        _sockets.Add(_front);
        _tasks.Add(Task.Run(ReceiveFromClientsAsync));
        _tasks.Add(Task.Run(() => _toServer.DeliverAsync(_end.Token)));
        _tasks.Add(Task.Run(() => _toClient.DeliverAsync(_end.Token)));
    }

    /// <summary>Where clients find the server.</summary>
    public int Port => ((IPEndPoint)_front.LocalEndPoint!).Port;

    /// <summary>How many client addresses the link has seen, rebindings included.</summary>
    public int Mappings { get; private set; }

    /// <summary>What became of the datagrams, for people.</summary>
    public string Summary => $"to the server {_toServer}; to the client {_toClient}";

    /// <summary>The NAT forgets its mappings: the server sees what comes next from new ports, and cannot answer at the old ones.</summary>
    public void Rebind()
    {
        lock (_gate)
            _backs.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        Socket[] sockets;
        Task[] tasks;
        lock (_gate)
            (sockets, tasks) = ([.. _sockets], [.. _tasks]);
        foreach (var socket in sockets)
            socket.Dispose();
        await Task.WhenAll(tasks);
        _end.Dispose();
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20, SendBufferSize = 4 << 20 };
        socket.Bind(AnyPort);
        return socket;
    }

    private Task ReceiveFromClientsAsync() => ReceiveAsync(_front, (client, datagram) =>
    {
        var back = BackOf(client);
        _toServer.Take(datagram, back, _server);
    });

    private Socket BackOf(IPEndPoint client)
    {
        lock (_gate)
        {
            if (_backs.TryGetValue(client, out var known))
                return known;
            var back = Bind();
            _backs.Add(client, back);
            _sockets.Add(back);
            Mappings++;
            _tasks.Add(Task.Run(() => ReceiveAsync(back, (_, datagram) =>
            {
                lock (_gate)
                {
                    if (_backs.GetValueOrDefault(client) != back)
                        return;
                }
                _toClient.Take(datagram, _front, client);
            })));
            return back;
        }
    }

    private async Task ReceiveAsync(Socket socket, Action<IPEndPoint, byte[]> take)
    {
        var buffer = new byte[LargestDatagram];
        try
        {
            while (true)
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, AnyPort, _end.Token);
                take((IPEndPoint)received.RemoteEndPoint, buffer[..received.ReceivedBytes]);
            }
        }
        catch (Exception e) when (_end.IsCancellationRequested && e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The link was taken down.
        }
    }

    /// <summary>One direction: what is on the way, and the order in which it arrives.</summary>
    private sealed class Direction(SeededRandomness random, Faults faults)
    {
        private readonly Channel<Flying> _arrivals = Channel.CreateUnboundedPrioritized(
            new UnboundedPrioritizedChannelOptions<Flying> { Comparer = Comparer<Flying>.Create((a, b) => a.DueAt.CompareTo(b.DueAt)), SingleReader = true });

        private readonly Lock _gate = new();
        private long _passed;
        private long _lost;
        private long _late;
        private long _doubled;

        private sealed record Flying(TimeSpan DueAt, byte[] Datagram, Socket From, IPEndPoint To);

        private readonly long _start = TimeProvider.System.GetTimestamp();

        private TimeSpan Now => TimeProvider.System.GetElapsedTime(_start);

        public void Take(byte[] datagram, Socket from, IPEndPoint to)
        {
            lock (_gate)
            {
                // Always three draws, so that the fate of each depends on its place alone.
                bool lost = random.NextBool(faults.Loss);
                bool late = random.NextBool(faults.Reordering);
                bool doubled = random.NextBool(faults.Duplication);
                if (lost)
                {
                    _lost++;
                    return;
                }
                var dueAt = Now + faults.Delay + (late ? faults.Detour : TimeSpan.Zero);
                (_passed, _late) = (_passed + 1, _late + (late ? 1 : 0));
                _arrivals.Writer.TryWrite(new Flying(dueAt, datagram, from, to));
                if (!doubled)
                    return;
                _doubled++;
                _arrivals.Writer.TryWrite(new Flying(dueAt + faults.Detour, datagram, from, to));
            }
        }

        public async Task DeliverAsync(CancellationToken end)
        {
            try
            {
                while (await _arrivals.Reader.WaitToReadAsync(end))
                {
                    if (!_arrivals.Reader.TryPeek(out var next))
                        continue;
                    var wait = next.DueAt - Now;
                    // Not the one that was looked at: an earlier one may have come meanwhile.
                    if (wait > TimeSpan.Zero)
                        await Task.Delay(wait < Tick ? Tick : wait, end);
                    else if (_arrivals.Reader.TryRead(out var due))
                        due.From.SendTo(due.Datagram, due.To);
                }
            }
            catch (Exception e) when (end.IsCancellationRequested && e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The link was taken down.
            }
        }

        public override string ToString()
        {
            lock (_gate)
                return $"{_passed} passed, {_lost} lost, {_late} late, {_doubled} doubled";
        }

        /// <summary>The least that a timer of the base library waits.</summary>
        private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);
    }
}
