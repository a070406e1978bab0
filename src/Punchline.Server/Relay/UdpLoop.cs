using Microsoft.Extensions.Logging;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Server.Relay;

/// <summary>The thread that owns the UDP sockets: takes batches, answers STUN, hands relay frames to the forwarder, sends what it says.</summary>
internal sealed class UdpLoop : IDisposable
{
    /// <summary>Batches from one socket before the next has its turn.</summary>
    private const int BatchesPerTurn = 32;

    private const int MaxBatch = 65_536;

    private readonly UdpPorts _ports;
    private readonly IUdpPoller _poller;
    private readonly RelayForwarder _forwarder;
    private readonly MonotonicClock _clock;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private readonly byte[] _batch = GC.AllocateUninitializedArray<byte>(MaxBatch, pinned: true);
    private readonly byte[] _answer = GC.AllocateUninitializedArray<byte>(StunMessage.MaxLength, pinned: true);
    private TokenBucket _stun;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopping;

    public UdpLoop(UdpPorts ports, IUdpPoller poller, RelayForwarder forwarder, MonotonicClock clock, ILogger log)
    {
        _ports = ports;
        _poller = poller;
        _forwarder = forwarder;
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
                _poller.Wait(Timeout.InfiniteTimeSpan);
                // Reading goes on until every socket is empty, as the poller need not say it twice.
                while (!_stopping && Turn(_clock.Now))
                {
                }
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

    // One turn of every socket; true if any may have more.
    private bool Turn(Instant now)
    {
        bool more = false;
        foreach (IUdpSocket socket in _ports.Main)
            more |= Drain(now, socket, isMain: true);
        foreach (IUdpSocket socket in _ports.Alternate)
            more |= Drain(now, socket, isMain: false);
        return more;
    }

    private bool Drain(Instant now, IUdpSocket socket, bool isMain)
    {
        for (int i = 0; i < BatchesPerTurn; i++)
        {
            if (!socket.TryReceive(_batch, out UdpReceived received))
                return false;
            int step = Math.Max(1, received.SegmentSize);
            for (int offset = 0; offset < received.Length; offset += step)
                Receive(now, socket, isMain, received, _batch.AsSpan(offset, Math.Min(step, received.Length - offset)));
        }
        return true;
    }

    private void Receive(Instant now, IUdpSocket socket, bool isMain, in UdpReceived received, Span<byte> datagram)
    {
        DatagramKind kind = Demultiplexer.Classify(datagram);
        if (isMain && kind == DatagramKind.Relay)
        {
            switch (_forwarder.Receive(now, received.Remote, received.Local, datagram, _answer, out int length, out RelayBinding? target))
            {
                case RelayAction.Answer:
                    Send(socket, received.Remote, received.Local, _answer.AsSpan(0, length));
                    break;
                case RelayAction.Forward:
                    if (UdpPorts.For(_ports.Main, target!.Address) is { } outgoing)
                        Send(outgoing, target.Address, target.Local, datagram);
                    break;
            }
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
            Send(from, reply.To, received.Local, _answer.AsSpan(0, reply.Length));
    }

    // A full socket buffer drops, as any router would: QUIC and STUN repeat what matters.
    private void Send(IUdpSocket socket, in UdpAddress to, in UdpAddress local, ReadOnlySpan<byte> datagram)
    {
        if (socket.Send(to, local, datagram, datagram.Length, ect0: false, timeToLive: 0) != UdpSendStatus.Sent)
            _forwarder.Counters.SendFailed++;
    }
}
