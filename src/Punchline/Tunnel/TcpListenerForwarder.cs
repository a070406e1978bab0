using System.Net.Sockets;
using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>A local TCP port of the client: accepts on the thread pool, hands over on the driver thread.</summary>
internal sealed class TcpListenerForwarder : IDisposable
{
    private readonly IDriver _driver;
    private readonly ClientTunnel _tunnel;
    private readonly Socket _listening;
    private readonly CancellationTokenSource _stop = new();
    private ulong? _serviceId;

    internal TcpListenerForwarder(IDriver driver, ClientTunnel tunnel, Socket listening)
    {
        _driver = driver;
        _tunnel = tunnel;
        _listening = listening;
    }

    /// <summary>The host's service; null until it is known. Driver thread only.</summary>
    public ulong? ServiceId
    {
        get => _serviceId;
        set
        {
            _serviceId = value;
            _tunnel.OnServiceKnown();
        }
    }

    /// <summary>Listens no more.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _listening.Dispose();
    }

    internal void Start() => _ = AcceptAsync();

    private async Task AcceptAsync()
    {
        CancellationToken stop = _stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listening.AcceptAsync(stop).ConfigureAwait(false);
                _driver.Post(new Accepted(this, socket));
            }
            catch (SocketException e) when (!stop.IsCancellationRequested)
            {
                // The program went away before it was accepted, or this process has no descriptor left.
                _driver.Post(new ActionWorkItem(_ => _tunnel.OnListenerFailed(_serviceId, e.SocketErrorCode)));
                await Task.Delay(TunnelLimits.AcceptRetry, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private sealed class Accepted(TcpListenerForwarder listener, Socket socket) : WorkItem
    {
        public override void Execute(Instant now)
        {
            if (listener._stop.IsCancellationRequested)
                socket.Dispose();
            else
                listener._tunnel.OnAccepted(listener, socket);
        }

        public override void Abandon() => socket.Dispose();
    }
}
