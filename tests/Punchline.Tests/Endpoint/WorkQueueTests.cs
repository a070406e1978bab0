using Punchline.Endpoint;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class WorkQueueTests
{
    private static List<int> Drain(WorkQueue queue, List<int> log)
    {
        WorkQueue.Batch batch = queue.TakeAll();
        while (batch.TryNext(out WorkItem item))
            item.Execute(Instant.Zero);
        return log;
    }

    [Fact]
    public void Items_run_in_the_order_of_posting()
    {
        var queue = new WorkQueue();
        List<int> log = [];
        for (int i = 0; i < 5; i++)
        {
            int number = i;
            queue.Post(new ActionWorkItem(_ => log.Add(number)), out bool wasEmpty);
            Assert.Equal(i == 0, wasEmpty);
        }
        Assert.Equal([0, 1, 2, 3, 4], Drain(queue, log));
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void An_item_that_waits_is_not_queued_twice_but_may_be_posted_while_it_runs()
    {
        var queue = new WorkQueue();
        List<int> log = [];
        ActionWorkItem item = null!;
        item = new ActionWorkItem(_ =>
        {
            log.Add(1);
            if (log.Count == 1)
                queue.Post(item, out bool _);
        });
        queue.Post(item, out bool _);
        queue.Post(item, out bool _);
        Assert.Equal([1], Drain(queue, log));
        Assert.Equal([1, 1], Drain(queue, log));
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public async Task A_closed_queue_abandons_what_waits_and_what_comes()
    {
        var queue = new WorkQueue();
        var waiting = new CallWorkItem<int>(_ => 1);
        queue.Post(waiting, out bool _);
        queue.Close();
        var late = new CallWorkItem<int>(_ => 1);
        Assert.False(queue.Post(late, out bool _));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Task);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => late.Task);
    }

    [Fact]
    public void Posts_of_many_threads_all_run_once_and_each_thread_in_order()
    {
        const int Threads = 4;
        const int Each = 5_000;
        var queue = new WorkQueue();
        int[] next = new int[Threads];
        int done = 0;
        var threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            int thread = t;
            threads[t] = new Thread(() =>
            {
                for (int i = 0; i < Each; i++)
                {
                    int number = i;
                    queue.Post(new ActionWorkItem(_ =>
                    {
                        Assert.Equal(next[thread]++, number);
                        done++;
                    }), out bool _);
                }
            });
            threads[t].Start();
        }
        while (done < Threads * Each)
            Drain(queue, []);
        Assert.All(next, count => Assert.Equal(Each, count));
    }

    [Fact]
    public void Posting_allocates_nothing()
    {
        var queue = new WorkQueue();
        var item = new ActionWorkItem(static _ => { });
        queue.Post(item, out bool _);
        Drain(queue, null!);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            queue.Post(item, out bool _);
            Drain(queue, null!);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
