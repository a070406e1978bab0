using System.Runtime.Versioning;
using Punchline.Quic;

namespace Punchline.Udp.Linux;

/// <summary>
/// Waits with ppoll, whose deadline has nanoseconds (a pacer's waits are shorter than epoll's millisecond), and is woken by an eventfd.
/// A wait may end early when a signal comes: whoever waits looks at its clock and its sockets anyway.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class LinuxUdpPoller : IUdpPoller
{
    private readonly Descriptor _wake = Libc.EventDescriptor(0, Libc.EventNonBlocking | Libc.EventCloseOnExec);

    // The wake descriptor first, then the sockets: the same place in all three.
    private readonly List<Descriptor> _descriptors = [];
    private readonly List<IUdpSocket?> _sockets = [];
    private readonly List<IUdpSocket> _readable = [];
    private Libc.PollEntry[] _entries = new Libc.PollEntry[8];
    private int _wakePending;
    private volatile bool _disposed;

    /// <summary>Makes a poller that waits for nothing but <see cref="Wake"/> yet.</summary>
    public LinuxUdpPoller()
    {
        if (_wake.IsInvalid)
            throw LinuxUdpPlatform.Failure(Libc.LastError);
        Append(_wake, null);
    }

    /// <inheritdoc/>
    public IReadOnlyList<IUdpSocket> Readable => _readable;

    /// <inheritdoc/>
    public void Add(IUdpSocket socket)
    {
        Descriptor descriptor = DescriptorOf(socket);
        if (_descriptors.Contains(descriptor))
            throw new InvalidOperationException("The socket is already waited for.");
        Append(descriptor, socket);
    }

    /// <inheritdoc/>
    public void Remove(IUdpSocket socket)
    {
        int index = IndexOf(socket);
        int last = _descriptors.Count - 1;
        _descriptors[index].DangerousRelease();
        _descriptors[index] = _descriptors[last];
        _entries[index] = _entries[last];
        _descriptors.RemoveAt(last);
        _sockets[index] = _sockets[last];
        _sockets.RemoveAt(last);
        _readable.Remove(socket);
    }

    /// <inheritdoc/>
    public void WatchWritable(IUdpSocket socket) => _entries[IndexOf(socket)].Events |= Libc.PollOut;

    /// <inheritdoc/>
    public void Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _readable.Clear();
        bool forever = timeout == Timeout.InfiniteTimeSpan;
        if (!forever)
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        var limit = new Libc.TimeSpec
        {
            Seconds = timeout.Ticks / TimeSpan.TicksPerSecond,
            Nanoseconds = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
        };
        bool held = false;
        try
        {
            // So that the eventfd stays open below if another thread disposes this poller.
            _wake.DangerousAddRef(ref held);
            int count = _descriptors.Count;
            fixed (Libc.PollEntry* entries = _entries)
            {
                if (Libc.Poll(entries, (nuint)count, forever ? null : &limit, signalMask: null) < 0)
                {
                    Errno error = Libc.LastError;
                    if (error is Errno.Interrupted or Errno.Again or Errno.NoMemory)
                        return;
                    throw LinuxUdpPlatform.Failure(error);
                }
            }
            TakeReturned(count);
        }
        finally
        {
            if (held)
                _wake.DangerousRelease();
        }
    }

    /// <inheritdoc/>
    public void Wake()
    {
        // One write wakes; until the waiter has seen it, further calls cost no system call. Whatever was posted before a call that
        // finds the flag set is seen by the waiter, who clears the flag before it looks.
        if (Interlocked.Exchange(ref _wakePending, 1) != 0)
            return;
        ulong one = 1;
        try
        {
            // EAGAIN: the counter is full, so the wait ends anyway. A non-blocking eventfd is never interrupted.
            if (Libc.Write(_wake, &one, sizeof(ulong)) < 0 && Libc.LastError != Errno.Again)
                throw LinuxUdpPlatform.Failure(Libc.LastError);
        }
        catch (ObjectDisposedException)
        {
            // The loop has ended in this very moment: nobody is left to be woken.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        // First said, then woken: a wait that has begun ends, and the next one refuses. One that begins in this moment still needs the list, whose
        // first entry wakes it.
        _disposed = true;
        Interlocked.Exchange(ref _wakePending, 0);
        Wake();
        foreach (Descriptor descriptor in _descriptors)
            descriptor.DangerousRelease();
        _wake.Dispose();
    }

    private void TakeReturned(int count)
    {
        if (_entries[0].Returned != 0)
        {
            ulong counter;
            if (Libc.Read(_wake, &counter, sizeof(ulong)) < 0 && Libc.LastError != Errno.Again)
                throw LinuxUdpPlatform.Failure(Libc.LastError);
            Interlocked.Exchange(ref _wakePending, 0);
        }
        for (int i = 1; i < count; i++)
        {
            if (_entries[i].Returned == 0)
                continue;
            // An error that waits to be read (ICMP) counts as well: reading takes it away.
            if ((_entries[i].Returned & ~Libc.PollOut) != 0)
                _readable.Add(_sockets[i]!);
            // Once writable, no longer watched: nearly every socket is nearly always writable.
            if ((_entries[i].Returned & Libc.PollOut) != 0)
                _entries[i].Events = Libc.PollIn;
        }
    }

    private void Append(Descriptor descriptor, IUdpSocket? socket)
    {
        // Held while it is in the list: its number cannot become another file's before Remove.
        bool held = false;
        descriptor.DangerousAddRef(ref held);
        if (_descriptors.Count == _entries.Length)
            Array.Resize(ref _entries, _entries.Length * 2);
        _entries[_descriptors.Count] = new Libc.PollEntry { Descriptor = descriptor.Number, Events = Libc.PollIn };
        _descriptors.Add(descriptor);
        _sockets.Add(socket);
    }

    private int IndexOf(IUdpSocket socket)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int index = _descriptors.IndexOf(DescriptorOf(socket));
        return index > 0 ? index : throw new InvalidOperationException("The socket is not waited for.");
    }

    private static Descriptor DescriptorOf(IUdpSocket socket) => socket is LinuxUdpSocket linux
        ? linux.Descriptor
        : throw new ArgumentException("Not a socket of this platform.", nameof(socket));
}
