using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>What objects that live on the driver thread ask of it: the time, a way in for other threads, deadlines.</summary>
internal interface IDriver
{
    /// <summary>The time of this turn. Driver thread only.</summary>
    Instant Now { get; }

    /// <summary>Has the item run on the driver thread soon. From any thread; allocates nothing.</summary>
    /// <returns>False if the driver has ended: the item was abandoned.</returns>
    bool Post(WorkItem item);

    /// <summary>Looks after a deadline until it is removed. Driver thread only.</summary>
    void AddTimer(IDriverTimer timer);

    /// <summary>Looks after it no more. Driver thread only.</summary>
    void RemoveTimer(IDriverTimer timer);
}

/// <summary>Something beside the connections that has a deadline on the driver thread.</summary>
internal interface IDriverTimer
{
    /// <summary>When to be called; read anew in every turn. <see cref="Instant.Never"/> for not at all.</summary>
    Instant NextTimeout { get; }

    /// <summary>The time has come.</summary>
    void OnTimeout(Instant now);
}
