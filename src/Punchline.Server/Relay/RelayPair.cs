using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>A client and the host that it named, as the UDP loop sees them: two ends, two handles, and the budgets that it spends from.</summary>
internal sealed class RelayPair(RelayBinding client, RelayBinding host, ulong hostHandle, RelayBudget own, RelayBudget address)
{
    /// <summary>The client's end; its handle is also the one in the client's DATA frames.</summary>
    public RelayBinding Client { get; } = client;

    /// <summary>The host's end, shared by all its pairs.</summary>
    public RelayBinding Host { get; } = host;

    /// <summary>What stands for this pair in the host's DATA frames.</summary>
    public ulong HostHandle { get; } = hostHandle;

    /// <summary>Takes a datagram's cost. The UDP loop alone calls it.</summary>
    public bool TrySpend(Instant now, int bytes) => own.TrySpend(now, bytes) && address.TrySpend(now, bytes);
}
