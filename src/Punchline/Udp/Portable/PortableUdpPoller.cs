using System.Net;
using System.Net.Sockets;
using Punchline.Quic;

namespace Punchline.Udp.Portable;

/// <summary>Waits with select; woken by a datagram to a loopback socket that is connected to itself, so that nobody else reaches it.</summary>
internal sealed class PortableUdpPoller : IUdpPoller
{
    /// <summary>
    /// The base library waits in whole milliseconds on most systems and rounds down: a shorter wait would be none,
    /// and the loop would spin until the deadline.
    /// </summary>
    private static readonly TimeSpan Granularity = TimeSpan.FromMilliseconds(1);

    private readonly Socket _wake;
    private readonly List<Socket> _sockets = [];
    private readonly Dictionary<Socket, IUdpSocket> _owners = [];
    private readonly List<IUdpSocket> _found = [];
    private readonly List<Socket> _watched = [];

    // What select reads and cuts down, filled anew for each wait.
    private readonly List<Socket> _readable = [];
    private readonly List<Socket> _writable = [];
    private readonly byte[] _drained = new byte[1];
    private readonly Lock _end = new();
    private int _wakePending;
    private bool _waiting;
    private bool _disposed;

    /// <summary>Makes a poller that waits for nothing but <see cref="Wake"/> yet.</summary>
    public PortableUdpPoller()
    {
        _wake = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            _wake.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _wake.Connect(_wake.LocalEndPoint!);
            _wake.Blocking = false;
        }
        catch
        {
            _wake.Dispose();
            throw;
        }
        _sockets.Add(_wake);
    }

    /// <inheritdoc/>
    public IReadOnlyList<IUdpSocket> Readable => _found;

    /// <inheritdoc/>
    public void Add(IUdpSocket socket)
    {
        Socket inner = SocketOf(socket);
        if (_sockets.Contains(inner))
            throw new InvalidOperationException("The socket is already waited for.");
        _sockets.Add(inner);
        _owners.Add(inner, socket);
    }

    /// <inheritdoc/>
    public void Remove(IUdpSocket socket)
    {
        Socket inner = SocketOf(socket);
        if (!_sockets.Remove(inner))
            throw new InvalidOperationException("The socket is not waited for.");
        _watched.Remove(inner);
        _owners.Remove(inner);
        _found.Remove(socket);
    }

    /// <inheritdoc/>
    public void WatchWritable(IUdpSocket socket)
    {
        Socket inner = SocketOf(socket);
        if (!_sockets.Contains(inner))
            throw new InvalidOperationException("The socket is not waited for.");
        if (!_watched.Contains(inner))
            _watched.Add(inner);
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan timeout)
    {
        if (timeout != Timeout.InfiniteTimeSpan)
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        lock (_end)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _waiting = true;
        }
        try
        {
            Select(timeout > TimeSpan.Zero && timeout < Granularity ? Granularity : timeout);
        }
        finally
        {
            lock (_end)
            {
                _waiting = false;
                if (_disposed)
                    _wake.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Wake()
    {
        // As in the Linux poller: the flag is cleared by the waiter before it looks at what was posted.
        if (Interlocked.Exchange(ref _wakePending, 1) != 0)
            return;
        try
        {
            _wake.Send([1], SocketFlags.None, out SocketError error);
            // Would block: the queue holds a wake-up already.
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                throw new SocketException((int)error);
        }
        catch (ObjectDisposedException)
        {
            // The loop has ended in this very moment: nobody is left to be woken.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_end)
        {
            if (_disposed)
                return;
            _disposed = true;
            if (!_waiting)
            {
                _wake.Dispose();
                return;
            }
        }
        // Whoever waits disposes the socket that it waits for.
        Wake();
    }

    private void Select(TimeSpan timeout)
    {
        Fill(_readable, _sockets);
        Fill(_writable, _watched);
        Socket.Select(_readable, _writable.Count > 0 ? _writable : null, null, timeout);
        _found.Clear();
        foreach (Socket socket in _readable)
        {
            if (socket == _wake)
                TakeWake();
            else
                _found.Add(_owners[socket]);
        }
        // Once writable, no longer watched: nearly every socket is nearly always writable.
        foreach (Socket socket in _writable)
            _watched.Remove(socket);
    }

    private void TakeWake()
    {
        SocketError error;
        do
        {
            _wake.Receive(_drained, SocketFlags.None, out error);
        }
        while (error == SocketError.Success);
        Interlocked.Exchange(ref _wakePending, 0);
    }

    private static void Fill(List<Socket> list, List<Socket> from)
    {
        list.Clear();
        foreach (Socket socket in from)
            list.Add(socket);
    }

    private static Socket SocketOf(IUdpSocket socket) => socket is PortableUdpSocket portable
        ? portable.Socket
        : throw new ArgumentException("Not a socket of this platform.", nameof(socket));
}
