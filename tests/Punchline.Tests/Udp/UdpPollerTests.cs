using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>Waiting, and what ends it.</summary>
public sealed class UdpPollerTests
{
    /// <summary>Longer than any pause of a busy machine: a thread that has not ended by then never will.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(30);

    public static TheoryData<string> Platforms => UdpTestPlatforms.All;

    [Theory, MemberData(nameof(Platforms))]
    public void Waits_until_the_deadline_and_not_less(string platform)
    {
        using var pair = new UdpTestPair(platform);
        Assert.True(TimeOf(pair.Poller, Short) >= Short);
        pair.Poller.Wait(TimeSpan.Zero);
        Assert.True(TimeOf(pair.Poller, TimeSpan.FromMicroseconds(200)) >= TimeSpan.FromMicroseconds(200));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Poller.Wait(TimeSpan.FromTicks(-5)));
    }

    [Theory, MemberData(nameof(Platforms))]
    public void A_datagram_ends_the_wait_until_it_is_taken(string platform)
    {
        using var pair = new UdpTestPair(platform);
        pair.First.Send(pair.Second.LocalAddress, default, [], 0, ect0: false, timeToLive: 0);
        pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        Assert.True(pair.Second.TryReceive(new byte[10], out UdpReceived received));
        Assert.Equal(0, received.Length);
        Assert.False(pair.Second.TryReceive(new byte[10], out _));
        Assert.True(TimeOf(pair.Poller, Short) >= Short);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Of_many_sockets_those_are_named_that_have_something_until_they_are_read(string platform)
    {
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        using IUdpPoller poller = sockets.CreatePoller();
        List<IUdpSocket> all = [.. Enumerable.Range(0, 260).Select(_ => sockets.Bind(UdpTestPlatforms.Loopback(ipv6: false)))];
        foreach (IUdpSocket socket in all)
            poller.Add(socket);
        poller.Wait(TimeSpan.Zero);
        Assert.Empty(poller.Readable);
        foreach (int i in new[] { 0, 130, 259 })
            all[1].Send(all[i].LocalAddress, default, [1], 1, ect0: false, timeToLive: 0);
        for (int looks = 0; looks < 2; looks++)
        {
            poller.Wait(Timeout.InfiniteTimeSpan);
            Assert.Equal([all[0], all[130], all[259]], poller.Readable.OrderBy(all.IndexOf));
        }
        Assert.True(all[130].TryReceive(new byte[10], out _));
        poller.Remove(all[259]);
        poller.Wait(Timeout.InfiniteTimeSpan);
        Assert.Equal([all[0]], poller.Readable);
        foreach (IUdpSocket socket in all)
            socket.Dispose();
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Another_thread_wakes_a_wait_without_end(string platform)
    {
        using var pair = new UdpTestPair(platform);
        for (int i = 0; i < 100; i++)
        {
            int posted = 0;
            using var waiting = new ManualResetEventSlim();
            var waiter = Background(() =>
            {
                waiting.Set();
                while (Volatile.Read(ref posted) == 0)
                    pair.Poller.Wait(Timeout.InfiniteTimeSpan);
            });
            waiter.Start();
            waiting.Wait(TestContext.Current.CancellationToken);
            Volatile.Write(ref posted, 1);
            pair.Poller.Wake();
            Assert.True(waiter.Join(Patience), "The wake-up was lost.");
        }
    }

    [Theory, MemberData(nameof(Platforms))]
    public void No_wake_up_is_lost_between_many_threads_and_many_waits(string platform)
    {
        const int Threads = 4;
        const int Each = 5_000;
        using var pair = new UdpTestPair(platform);
        int posted = 0;
        var waiter = Background(() =>
        {
            while (Volatile.Read(ref posted) < Threads * Each)
                pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        });
        waiter.Start();
        var posters = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            posters[i] = Background(() =>
            {
                for (int n = 0; n < Each; n++)
                {
                    Interlocked.Increment(ref posted);
                    pair.Poller.Wake();
                }
            });
            posters[i].Start();
        }
        foreach (Thread poster in posters)
            Assert.True(poster.Join(Patience));
        Assert.True(waiter.Join(Patience), "The last wake-up was lost.");
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Many_wake_ups_before_a_wait_count_as_one(string platform)
    {
        using var pair = new UdpTestPair(platform);
        for (int i = 0; i < 100; i++)
            pair.Poller.Wake();
        pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        Assert.True(TimeOf(pair.Poller, Short) >= Short);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void A_watched_socket_that_is_writable_ends_one_wait(string platform)
    {
        using var pair = new UdpTestPair(platform);
        pair.Poller.WatchWritable(pair.First);
        pair.Poller.WatchWritable(pair.First);
        pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        Assert.True(TimeOf(pair.Poller, Short) >= Short);
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Sockets_join_and_leave_while_it_runs(string platform)
    {
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        using var pair = new UdpTestPair(platform);
        var others = new List<IUdpSocket>();
        for (int i = 0; i < 20; i++)
        {
            others.Add(sockets.Bind(UdpTestPlatforms.Loopback4));
            pair.Poller.Add(others[i]);
            pair.First.Send(others[i].LocalAddress, default, [1], 1, ect0: false, timeToLive: 0);
            pair.Poller.Wait(Timeout.InfiniteTimeSpan);
            Assert.True(others[i].TryReceive(new byte[10], out _));
        }
        Assert.Throws<InvalidOperationException>(() => pair.Poller.Add(others[0]));
        foreach (IUdpSocket other in others)
        {
            pair.First.Send(other.LocalAddress, default, [1], 1, ect0: false, timeToLive: 0);
            pair.Poller.Remove(other);
            other.Dispose();
        }
        Assert.True(TimeOf(pair.Poller, Short) >= Short);
        Assert.Throws<InvalidOperationException>(() => pair.Poller.Remove(others[0]));
        Assert.Throws<InvalidOperationException>(() => pair.Poller.WatchWritable(others[0]));
        pair.First.Send(pair.Second.LocalAddress, default, [1], 1, ect0: false, timeToLive: 0);
        pair.Poller.Wait(Timeout.InfiniteTimeSpan);
        Assert.True(pair.Second.TryReceive(new byte[10], out _));
    }

    [Theory, MemberData(nameof(Platforms))]
    public void Disposing_ends_the_wait_and_forbids_the_next(string platform)
    {
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        for (int i = 0; i < 50; i++)
        {
            using IUdpSocket socket = sockets.Bind(UdpTestPlatforms.Loopback4);
            IUdpPoller poller = sockets.CreatePoller();
            poller.Add(socket);
            bool refused = false;
            using var started = new ManualResetEventSlim();
            var waiter = Background(() =>
            {
                started.Set();
                try
                {
                    while (true)
                        poller.Wait(Timeout.InfiniteTimeSpan);
                }
                catch (ObjectDisposedException)
                {
                    refused = true;
                }
            });
            waiter.Start();
            started.Wait(TestContext.Current.CancellationToken);
            poller.Dispose();
            Assert.True(waiter.Join(Patience), "Still waiting.");
            Assert.True(refused);
            poller.Wake();
            poller.Dispose();
        }
    }

    /// <summary>A thread that does not keep a failed test alive.</summary>
    private static Thread Background(ThreadStart start) => new(start) { IsBackground = true };

    private static TimeSpan TimeOf(IUdpPoller poller, TimeSpan timeout)
    {
        long start = TimeProvider.System.GetTimestamp();
        poller.Wait(timeout);
        return TimeProvider.System.GetElapsedTime(start);
    }
}
