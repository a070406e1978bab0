namespace Punchline.Endpoint;

/// <summary>
/// The driver's inbox: any thread posts, the driver takes all at once. A stack that is swapped out whole and turned
/// around keeps the order of posting, without a lock and without allocation.
/// </summary>
/// <remarks>
/// <code>
///   head → c → b → a → null      Post: compare-and-swap of head
///   head → null,  a → b → c      TakeAll: exchange of head, then reversal
///   head → Closed                after the end: Post refuses
/// </code>
/// </remarks>
internal sealed class WorkQueue
{
    private static readonly WorkItem Closed = new ActionWorkItem(static _ => { });

    private WorkItem? _head;

    /// <summary>True if nothing waits.</summary>
    public bool IsEmpty => Volatile.Read(ref _head) is null;

    /// <summary>Puts an item into the queue, unless it is there already.</summary>
    /// <param name="item">What to do.</param>
    /// <param name="wasEmpty">True if this was the first item since the driver last looked: only then it must be woken.</param>
    /// <returns>False if the queue is closed; the item was abandoned.</returns>
    public bool Post(WorkItem item, out bool wasEmpty)
    {
        wasEmpty = false;
        if (Interlocked.Exchange(ref item.Queued, 1) != 0)
            return true;
        while (true)
        {
            WorkItem? head = Volatile.Read(ref _head);
            if (ReferenceEquals(head, Closed))
            {
                item.Abandon();
                return false;
            }
            item.Next = head;
            if (Interlocked.CompareExchange(ref _head, item, head) == head)
            {
                wasEmpty = head is null;
                return true;
            }
        }
    }

    /// <summary>Takes everything that was posted, in that order.</summary>
    public Batch TakeAll() => new(Reverse(Interlocked.Exchange(ref _head, null)));

    /// <summary>Refuses every later post, and abandons what waits.</summary>
    public void Close()
    {
        WorkItem? item = Interlocked.Exchange(ref _head, Closed);
        if (ReferenceEquals(item, Closed))
            return;
        for (item = Reverse(item); item is not null;)
        {
            WorkItem? next = item.Next;
            item.Next = null;
            item.Abandon();
            item = next;
        }
    }

    private static WorkItem? Reverse(WorkItem? item)
    {
        WorkItem? reversed = null;
        while (item is not null)
        {
            WorkItem? next = item.Next;
            item.Next = reversed;
            reversed = item;
            item = next;
        }
        return reversed;
    }

    /// <summary>What was taken; an item may be posted anew as soon as it is handed out, even while it runs.</summary>
    public struct Batch
    {
        private WorkItem? _next;

        internal Batch(WorkItem? first) => _next = first;

        /// <summary>The next item to run; false at the end.</summary>
        public bool TryNext(out WorkItem item)
        {
            item = _next!;
            if (item is null)
                return false;
            _next = item.Next;
            item.Next = null;
            Volatile.Write(ref item.Queued, 0);
            return true;
        }
    }
}
