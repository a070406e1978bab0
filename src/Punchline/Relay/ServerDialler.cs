using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using Punchline.Invites;
using Punchline.Quic;

namespace Punchline.Relay;

/// <summary>Resolves a server's name and connects TCP to the first of its addresses that answers; remembers them for UDP.</summary>
internal sealed class ServerDialler(ServerAddress server, Action<IReadOnlyList<UdpAddress>>? onResolved)
{
    /// <summary>For one address: a dead IPv6 route must not use up the whole time.</summary>
    private static readonly TimeSpan PerAddress = TimeSpan.FromSeconds(3);

    /// <summary>Bytes that the system may hold unsent: some ten frames.</summary>
    private const int MostUnsent = 16 * 1024;

    private ServerFailure _failure = ServerFailure.NotAServer;

    /// <summary>The name's addresses with the dialled port; the one that was reached comes first.</summary>
    public IReadOnlyList<UdpAddress> Reached { get; private set; } = [];

    /// <summary>What a failed connection means.</summary>
    public ServerFailure Classify(Exception error)
    {
        for (Exception? e = error; e is not null; e = e.InnerException)
        {
            if (e is SocketException)
                return _failure;
        }
        return ServerFailure.NotAServer;
    }

    /// <summary>For SocketsHttpHandler.ConnectCallback.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        _failure = ServerFailure.UnknownName;
        IPAddress[] addresses = IPAddress.TryParse(server.Name, out IPAddress? literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(server.Name, cancellationToken).ConfigureAwait(false);
        _failure = ServerFailure.NotReachable;
        UdpAddress[] resolved = [.. addresses.Select(a => new UdpAddress(a, server.Port))];
        onResolved?.Invoke(resolved);
        SocketException? last = null;
        for (int i = 0; i < addresses.Length; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            using var perAddress = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (i < addresses.Length - 1)
                perAddress.CancelAfter(PerAddress);
            try
            {
                await socket.ConnectAsync(addresses[i], server.Port, perAddress.Token).ConfigureAwait(false);
                ShortSendQueue.Apply(socket, MostUnsent);
                Reached = [resolved[i], .. resolved.Where((_, other) => other != i)];
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                socket.Dispose();
                last = new SocketException((int)SocketError.TimedOut);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
