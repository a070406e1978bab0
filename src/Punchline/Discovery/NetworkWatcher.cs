using System.Net.NetworkInformation;

namespace Punchline.Discovery;

/// <summary>
/// Notices that this machine's network has changed: the system says that something did, and a comparison says whether that matters.
/// </summary>
internal sealed class NetworkWatcher : IDisposable
{
    private readonly Func<LocalNetwork> _read;
    private readonly Lock _checking = new();
    private volatile LocalNetwork _current;
    private volatile bool _allowsLoopback;
    private bool _disposed;

    /// <summary>Reads the network and begins to watch the system's notices.</summary>
    /// <param name="allowsLoopback">See <see cref="LocalNetwork"/>.</param>
    public NetworkWatcher(bool allowsLoopback)
    {
        _allowsLoopback = allowsLoopback;
        _read = () => LocalNetwork.Read(_allowsLoopback);
        _current = _read();
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
        // What changed between the first look and the first notice.
        Check();
    }

    /// <summary>Reads the network from elsewhere, without the system's notices.</summary>
    internal NetworkWatcher(Func<LocalNetwork> read)
    {
        _read = read;
        _current = read();
    }

    /// <summary>
    /// There is a new <see cref="Current"/>. Raised on a thread of the system's, one at a time: whoever owns sockets posts it to
    /// its loop and returns at once.
    /// </summary>
    public event Action<LocalNetwork>? Changed;

    /// <summary>The network as it was read last.</summary>
    public LocalNetwork Current => _current;

    /// <summary>From now on loopback counts as usable; raises <see cref="Changed"/> if it did not before.</summary>
    public void AllowLoopback()
    {
        _allowsLoopback = true;
        Check();
    }

    /// <summary>Looks again, as after waking from sleep; raises <see cref="Changed"/> if something is different.</summary>
    public void Check()
    {
        lock (_checking)
        {
            if (_disposed)
                return;
            LocalNetwork read;
            try
            {
                read = _read();
            }
            catch (NetworkInformationException)
            {
                // A device vanished while it was looked at: its own notice follows.
                return;
            }
            if (read.Equals(_current))
                return;
            _current = read;
            Changed?.Invoke(read);
        }
    }

    /// <summary>Stops watching; no event is raised once this has returned.</summary>
    public void Dispose()
    {
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        lock (_checking)
            _disposed = true;
    }

    private void OnAddressChanged(object? sender, EventArgs e) => Check();
}
