using Microsoft.Extensions.Logging;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Server.Relay;

/// <summary>
/// The thread that owns the UDP sockets and all forwarding: takes batches from sockets and from the channels' inbox, answers STUN, hands
/// relay frames to the forwarder, and sends what it lets pass over UDP or into a channel's queue.
/// </summary>
internal sealed class UdpLoop : IDisposable
{
    /// <summary>Batches from one socket before the next has its turn.</summary>
    private const int BatchesPerTurn = 32;

    /// <summary>A peer's GSO batch has at most so many bytes; more in one piece would only wait for each other.</summary>
    private const int InboxBatch = UdpLimits.MaxBatchBytes;

    private const int MaxBatch = 65_536;

    private readonly UdpPorts _ports;
    private readonly IUdpPoller _poller;
    private readonly RelayForwarder _forwarder;
    private readonly RelayEgress _egress;
    private readonly ChannelInbox _inbox;
    private readonly MonotonicClock _clock;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private readonly byte[] _batch = GC.AllocateUninitializedArray<byte>(MaxBatch, pinned: true);
    private readonly byte[] _answer = GC.AllocateUninitializedArray<byte>(StunMessage.MaxLength, pinned: true);
    private TokenBucket _stun;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopping;

    public UdpLoop(UdpPorts ports, IUdpPoller poller, RelayForwarder forwarder, ChannelInbox inbox, MonotonicClock clock, ILogger log)
    {
        _ports = ports;
        _poller = poller;
        _forwarder = forwarder;
        _egress = new RelayEgress(ports.Main, forwarder.Counters);
        _inbox = inbox;
        inbox.OnWaiting = poller.Wake;
        _clock = clock;
        _log = log;
        _stun = new TokenBucket(ServerLimits.StunPerSecond, ServerLimits.StunPerSecond, clock.Now);
        foreach (IUdpSocket socket in ports.Main)
            poller.Add(socket);
        foreach (IUdpSocket socket in ports.Alternate)
            poller.Add(socket);
        _thread = new Thread(Run) { IsBackground = true, Name = "punchline udp" };
        _thread.Start();
    }

    /// <summary>Faults when the loop has ended by a mistake of ours: the server is of no use then. Completes when it was disposed.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Ends the thread, then closes the sockets.</summary>
    public void Dispose()
    {
        _stopping = true;
        _poller.Wake();
        _thread.Join();
        _ports.Dispose();
        _poller.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                // Reading goes on until every socket is empty, as the poller need not say it twice.
                while (!_stopping && Turn(_clock.Now))
                {
                }
                if (!_stopping)
                    _poller.Wait(UntilNextPromise());
            }
        }
        catch (Exception e) when (!_stopping)
        {
            // Nothing above this thread could see it.
            ServerLog.UdpLoopFailed(_log, e);
            _completion.TrySetException(e);
        }
        _completion.TrySetResult();
    }

    private TimeSpan UntilNextPromise()
    {
        if (!_forwarder.Promises.NextAt.IsSet)
            return Timeout.InfiniteTimeSpan;
        TimeSpan wait = _forwarder.Promises.NextAt - _clock.Now;
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private void KeepPromises(Instant now)
    {
        while (_forwarder.Promises.TryTakeDue(now, out Promise promise))
        {
            int length = LaterFrame.WriteAnswer(_answer, new Later(promise.Token, LaterStatus.Kept));
            if (UdpPorts.For(_ports.Main, promise.To) is { } socket)
                _egress.Send(socket, promise.To, promise.Local, _answer.AsSpan(0, length), length);
        }
    }

    // One turn of every socket and the inbox; true if any may have more.
    private bool Turn(Instant now)
    {
        KeepPromises(now);
        bool more = DrainInbox(now);
        foreach (IUdpSocket socket in _ports.Main)
            more |= Drain(now, socket, isMain: true);
        foreach (IUdpSocket socket in _ports.Alternate)
            more |= Drain(now, socket, isMain: false);
        _egress.Flush();
        return more;
    }

    private bool DrainInbox(Instant now)
    {
        for (int i = 0; i < BatchesPerTurn; i++)
        {
            int length = _inbox.Take(_batch.AsSpan(0, InboxBatch), out int segmentSize, out IRelayChannel? channel);
            if (length == 0)
                return false;
            for (int offset = 0; offset < length;)
            {
                Span<byte> rest = _batch.AsSpan(offset, length - offset);
                int run = RelayRun.Measure(rest, segmentSize);
                int passed = _forwarder.Forward(now, channel!, rest[..run], segmentSize, out RelayBinding? target);
                Deliver(target, rest[..passed], segmentSize);
                offset += run;
            }
        }
        return true;
    }

    private bool Drain(Instant now, IUdpSocket socket, bool isMain)
    {
        for (int i = 0; i < BatchesPerTurn; i++)
        {
            if (!socket.TryReceive(_batch, out UdpReceived received))
                return false;
            int segmentSize = Math.Max(1, received.SegmentSize);
            for (int offset = 0; offset < received.Length;)
            {
                Span<byte> rest = _batch.AsSpan(offset, received.Length - offset);
                int run = isMain ? RelayRun.Measure(rest, segmentSize) : 0;
                if (run > 0)
                {
                    int passed = _forwarder.Forward(now, received.Remote, rest[..run], segmentSize, out RelayBinding? target);
                    Deliver(target, rest[..passed], segmentSize);
                    offset += run;
                }
                else
                {
                    Answer(now, socket, isMain, received, rest[..Math.Min(segmentSize, rest.Length)]);
                    offset += segmentSize;
                }
            }
        }
        return true;
    }

    private void Answer(Instant now, IUdpSocket socket, bool isMain, in UdpReceived received, ReadOnlySpan<byte> datagram)
    {
        DatagramKind kind = Demultiplexer.Classify(datagram);
        if (isMain && kind == DatagramKind.Relay)
        {
            int length = _forwarder.Answer(now, received.Remote, received.Local, datagram, _answer);
            if (length > 0)
                _egress.Send(socket, received.Remote, received.Local, _answer.AsSpan(0, length), length);
            return;
        }
        // Anything but STUN gets no answer at all.
        if (kind != DatagramKind.Stun || !_stun.TryTake(now))
            return;
        ushort otherPort = _ports.AlternatePort == 0 ? (ushort)0 : (ushort)(isMain ? _ports.AlternatePort : _ports.Port);
        var addresses = new StunServerAddresses(received.Local, otherPort, default);
        if (!StunResponder.TryRespond(datagram, received.Remote, addresses, _answer, out StunReply reply))
            return;
        _forwarder.Counters.Stun++;
        IUdpSocket? from = !reply.From.HasFlag(StunChange.Port) ? socket : UdpPorts.For(isMain ? _ports.Alternate : _ports.Main, received.Remote);
        if (from is not null)
            _egress.Send(from, reply.To, received.Local, _answer.AsSpan(0, reply.Length), reply.Length);
    }

    private void Deliver(RelayBinding? target, ReadOnlySpan<byte> run, int segmentSize)
    {
        if (target is null || run.IsEmpty)
            return;
        if (!target.IsOnChannel)
        {
            _egress.Add(target.Address, target.Local, run, segmentSize);
            return;
        }
        _forwarder.Counters.Batches++;
        _forwarder.Counters.QueueFull += target.Channel.TrySendFrames(run, segmentSize);
    }
}
